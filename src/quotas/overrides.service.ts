import { Injectable } from '@nestjs/common';

import { IdentityService } from '../identity/index.js';
import { Clock } from '../platform/clock/index.js';
import { UnitOfWork } from '../platform/database/index.js';
import { AppError } from '../platform/errors/index.js';
import type { Keyset } from '../platform/http/index.js';
import { newId } from '../platform/ids/index.js';
import type { Principal } from '../platform/security/index.js';
import { ConfigSnapshots } from '../platform/snapshot/index.js';
import {
  decideOverride,
  grantsAtOnce,
  requireOverridePeriod,
  type Override,
  type OverrideLimits,
  type OverrideStep,
} from './domain/override.js';
import { requireOwnTeam, seesAll } from './domain/quota-rights.js';
import { OverrideRecords, type OverrideEvent } from './override-records.js';
import { OverrideRepository } from './persistence/override.repository.js';
import { teamOf } from './subject-team.js';

/** Open overrides of one organisation: break-glass is rare, a flood of it is a mistake. */
const MAX_OPEN = 500;

/** What is asked for. */
export interface OverrideRequest {
  readonly subject: Override['subject'];
  readonly limits: OverrideLimits;
  readonly reason: string;
  readonly incidentRef: string;
  readonly expiresAtMs: number;
}

/** Which event a step leaves. */
const EVENT_OF: Readonly<Record<OverrideStep, OverrideEvent>> = {
  approve: 'approved',
  deny: 'denied',
  revoke: 'revoked',
};

/** Temporary permissions to go past quotas. Every step is audited, announced, and in force here when it resolves. */
@Injectable()
export class OverridesService {
  constructor(
    private readonly snapshots: ConfigSnapshots,
    private readonly unitOfWork: UnitOfWork,
    private readonly repository: OverrideRepository,
    private readonly records: OverrideRecords,
    private readonly identity: IdentityService,
    private readonly clock: Clock,
  ) {}

  /** Newest first, one more than `limit` when there are more; people who decide nothing see what concerns them. */
  async findOverrides(
    principal: Principal,
    page: { readonly after: Keyset | undefined; readonly limit: number },
  ): Promise<readonly Override[]> {
    const concerning = seesAll(principal) ? null : principal.userId;
    return this.unitOfWork.read((tx) =>
      this.repository.findPage(tx, principal.orgId, { ...page, limit: page.limit + 1, concerning }),
    );
  }

  /** Asks for an override; it is ACTIVE at once when the principal may approve and is not its subject, else REQUESTED.
   *  @throws AppError invalid_value — period; insufficient_scope — somebody else's subject; conflict — too many are open */
  async requestOverride(principal: Principal, request: OverrideRequest): Promise<Override> {
    const nowMs = this.clock.nowMs();
    requireOverridePeriod(request.expiresAtMs, nowMs);
    this.#requireReach(principal, request.subject);
    const granted = grantsAtOnce(request.subject, principal) && principal.roles.includes('admin');
    const override: Override = {
      id: newId(),
      orgId: principal.orgId,
      ...request,
      state: granted ? 'ACTIVE' : 'REQUESTED',
      requestedBy: principal.userId,
      requestedAtMs: nowMs,
      approvedBy: granted ? principal.userId : null,
      decidedAtMs: granted ? nowMs : null,
      version: 1,
    };
    await this.snapshots.change(async (tx) => {
      if ((await this.repository.countOpen(tx, override.orgId)) >= MAX_OPEN) {
        throw new AppError('conflict', `At most ${String(MAX_OPEN)} overrides may be open. Revoke one first.`);
      }
      await this.repository.insert(tx, override);
      await this.records.write(tx, override, { event: 'requested', principal, atMs: nowMs });
      if (granted) await this.records.write(tx, override, { event: 'approved', principal, atMs: nowMs });
    });
    return override;
  }

  /** Puts a requested override in force.
   *  @throws AppError not_found; conflict — it is not REQUESTED any more; four_eyes_required — one's own */
  approveOverride(principal: Principal, id: string): Promise<Override> {
    return this.#decide(principal, id, 'approve');
  }

  /** Refuses a requested override. @throws AppError not_found; conflict */
  denyOverride(principal: Principal, id: string): Promise<Override> {
    return this.#decide(principal, id, 'deny');
  }

  /** Ends an override that is in force. @throws AppError not_found; conflict */
  revokeOverride(principal: Principal, id: string): Promise<Override> {
    return this.#decide(principal, id, 'revoke');
  }

  /** Writes EXPIRED for what has run out, at most 500; returns how many. Time alone already ended them. */
  async expireDue(): Promise<number> {
    const nowMs = this.clock.nowMs();
    const open = await this.unitOfWork.read((tx) => this.repository.findOpen(tx));
    if (!open.some(({ expiresAtMs }) => expiresAtMs <= nowMs)) return 0;
    return this.snapshots.change(async (tx) => {
      const due = await this.repository.findDue(tx, nowMs);
      for (const override of due) {
        const expired: Override = { ...override, state: 'EXPIRED', version: override.version + 1 };
        await this.repository.update(tx, expired);
        await this.records.write(tx, expired, { event: 'expired', principal: null, atMs: nowMs });
      }
      return due.length;
    });
  }

  async #decide(principal: Principal, id: string, step: OverrideStep): Promise<Override> {
    const atMs = this.clock.nowMs();
    return this.snapshots.change(async (tx) => {
      const before = await this.repository.findForChange(tx, principal.orgId, id);
      if (before === undefined) throw new AppError('not_found', 'There is no such override.');
      requireOwnTeam(principal, teamOf(before.subject, this.identity.directory()));
      const after = decideOverride(before, step, { principal, atMs });
      await this.repository.update(tx, after);
      await this.records.write(tx, after, { event: EVENT_OF[step], principal, atMs });
      return after;
    });
  }

  /** People ask for themselves; who decides, for those they decide about. */
  #requireReach(principal: Principal, subject: Override['subject']): void {
    if (subject.id === principal.userId || subject.id === principal.credential.id) return;
    if (subject.type === 'TEAM' && subject.id === principal.teamId) return;
    requireOwnTeam(principal, teamOf(subject, this.identity.directory()));
  }
}
