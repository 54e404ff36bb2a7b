import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/index.js';
import { UnitOfWork, type Tx } from '../platform/database/index.js';
import { AppError } from '../platform/errors/index.js';
import { requireVersion } from '../platform/http/index.js';
import { newId } from '../platform/ids/index.js';
import { ConfigSnapshots } from '../platform/snapshot/index.js';
import type { Actor, Slice } from '../identity/index.js';
import { CaseChanges } from './case-changes.js';
import { CaseGate } from './case-gate.js';
import { CasePeople } from './case-people.js';
import { writeReach } from './domain/case-access.js';
import type { CaseAccess, Investigation, Member } from './domain/case-entries.js';
import { InvestigationsRepository, type InvestigationFilter } from './persistence/investigations.repository.js';
import { userIdOf, viewerOf } from './viewer.js';

/** What is given for an investigation; absent members keep or take their default. */
export interface InvestigationInput {
  readonly title?: string | undefined;
  /** The caller's own team when absent and new. */
  readonly teamId?: string | null | undefined;
  readonly access?: CaseAccess | undefined;
  readonly purposeRequired?: boolean | undefined;
  /** User ids to add as members, at most 200 at once. Nobody is removed. */
  readonly members?: readonly string[] | undefined;
  readonly demo?: boolean | undefined;
}

/** An investigation and whether this call made it. */
export interface Upserted {
  readonly investigation: Investigation;
  readonly created: boolean;
}

const MAX_MEMBERS = 1_000;

/** Investigations and who works on them. Every change is on record and in force on this replica when its method resolves. */
@Injectable()
export class InvestigationsService {
  constructor(
    private readonly repository: InvestigationsRepository,
    private readonly gate: CaseGate,
    private readonly people: CasePeople,
    private readonly changes: CaseChanges,
    private readonly snapshots: ConfigSnapshots,
    private readonly unitOfWork: UnitOfWork,
    private readonly clock: Clock,
  ) {}

  /** Makes the investigation of that reference. @throws AppError conflict — it exists; invalid_value, insufficient_scope */
  async create(actor: Actor, externalRef: string, input: InvestigationInput): Promise<Investigation> {
    const made = await this.snapshots.change((tx) => this.#insert(tx, actor, externalRef, input));
    if (made !== undefined) return made;
    throw new AppError(
      'conflict',
      `externalRef: ${externalRef} is already in use. PUT changes an existing investigation.`,
      {
        param: 'externalRef',
      },
    );
  }

  /** Makes the investigation of that reference, or brings the existing one to what is given. Repeating it changes nothing.
   *  @throws AppError not_found — the reference is taken by one that is not yours; invalid_value, insufficient_scope */
  async upsert(actor: Actor, externalRef: string, input: InvestigationInput): Promise<Upserted> {
    return this.snapshots.change(async (tx) => {
      const made = await this.#insert(tx, actor, externalRef, input);
      if (made !== undefined) return { investigation: made, created: true };
      const before = await this.gate.writable(tx, actor, externalRef);
      return { investigation: await this.#change(tx, actor, before, input), created: false };
    });
  }

  /** @throws AppError not_found, version_conflict, invalid_value, insufficient_scope */
  async patch(actor: Actor, idOrRef: string, input: InvestigationInput, basis: number): Promise<Investigation> {
    return this.snapshots.change(async (tx) => {
      const before = await this.gate.writable(tx, actor, idOrRef);
      requireVersion(before.version, basis);
      return this.#change(tx, actor, before, input);
    });
  }

  /** Closes: no call can be charged to it any more. Closing twice is no error. @throws AppError not_found, insufficient_scope */
  async close(actor: Actor, idOrRef: string): Promise<Investigation> {
    return this.#setState(actor, idOrRef, 'closed');
  }

  /** Opens it again. @throws AppError not_found, insufficient_scope */
  async reopen(actor: Actor, idOrRef: string): Promise<Investigation> {
    return this.#setState(actor, idOrRef, 'open');
  }

  /** @throws AppError not_found — also: not yours */
  async find(actor: Actor, idOrRef: string): Promise<Investigation> {
    return this.unitOfWork.read((tx) => this.gate.readable(tx, actor, idOrRef));
  }

  /** Investigations the caller may read, oldest first; one row more than `limit` when there are more. */
  async list(actor: Actor, filter: InvestigationFilter, slice: Slice): Promise<readonly Investigation[]> {
    return this.unitOfWork.read((tx) =>
      this.repository.findVisibleAfter(tx, { viewer: viewerOf(actor), filter }, { ...slice, limit: slice.limit + 1 }),
    );
  }

  /** @throws AppError not_found — also: not yours */
  async listMembers(actor: Actor, idOrRef: string): Promise<readonly Member[]> {
    return this.unitOfWork.read(async (tx) => {
      const investigation = await this.gate.readable(tx, actor, idOrRef);
      return this.repository.findMembers(tx, investigation.id);
    });
  }

  /** Adds members; those who are there already stay. @throws AppError not_found, invalid_value, insufficient_scope */
  async addMembers(actor: Actor, idOrRef: string, userIds: readonly string[]): Promise<readonly Member[]> {
    return this.snapshots.change(async (tx) => {
      const investigation = await this.gate.writable(tx, actor, idOrRef);
      await this.#addMembers(tx, actor, investigation, userIds);
      return this.repository.findMembers(tx, investigation.id);
    });
  }

  /** @throws AppError not_found, insufficient_scope */
  async removeMember(actor: Actor, idOrRef: string, userId: string): Promise<void> {
    await this.snapshots.change(async (tx) => {
      const investigation = await this.gate.writable(tx, actor, idOrRef);
      if (!(await this.repository.removeMember(tx, investigation.id, userId))) {
        throw new AppError('not_found', 'This user is no member of the investigation.');
      }
      await this.changes.recordMovement(tx, actor, investigation, { what: 'members', removed: [userId] });
    });
  }

  async #insert(
    tx: Tx,
    actor: Actor,
    externalRef: string,
    input: InvestigationInput,
  ): Promise<Investigation | undefined> {
    const ownTeam = actor.kind === 'system' ? null : actor.teamId;
    const investigation: Investigation = {
      id: newId(),
      orgId: actor.orgId,
      externalRef,
      title: input.title ?? externalRef,
      teamId: input.teamId === undefined ? ownTeam : input.teamId,
      state: 'open',
      access: input.access ?? 'members',
      purposeRequired: input.purposeRequired ?? false,
      createdBy: userIdOf(actor),
      version: 1,
      createdAtMs: this.clock.nowMs(),
      closedAtMs: null,
    };
    this.#requireTeam(actor, investigation.teamId);
    if (!(await this.repository.insertIfNew(tx, { ...investigation, demo: input.demo ?? false }))) return undefined;
    await this.changes.record(tx, actor, { object: 'investigation', investigation, after: investigation });
    await this.#addMembers(tx, actor, investigation, input.members ?? []);
    return investigation;
  }

  async #change(tx: Tx, actor: Actor, before: Investigation, input: InvestigationInput): Promise<Investigation> {
    const after: Investigation = {
      ...before,
      title: input.title ?? before.title,
      teamId: input.teamId === undefined ? before.teamId : input.teamId,
      access: input.access ?? before.access,
      purposeRequired: input.purposeRequired ?? before.purposeRequired,
    };
    await this.#addMembers(tx, actor, before, input.members ?? []);
    if (JSON.stringify(after) === JSON.stringify(before)) return before;
    if (after.teamId !== before.teamId) this.#requireTeam(actor, after.teamId);
    return this.#write(tx, actor, before, after);
  }

  async #setState(actor: Actor, idOrRef: string, state: Investigation['state']): Promise<Investigation> {
    return this.snapshots.change(async (tx) => {
      const before = await this.gate.writable(tx, actor, idOrRef);
      if (before.state === state) return before;
      const after = { ...before, state, closedAtMs: state === 'closed' ? this.clock.nowMs() : null };
      const written = await this.#write(tx, actor, before, after);
      if (state === 'closed') await this.changes.announceClosed(tx, written);
      return written;
    });
  }

  async #write(tx: Tx, actor: Actor, before: Investigation, changed: Investigation): Promise<Investigation> {
    const after = { ...changed, version: before.version + 1 };
    await this.repository.update(tx, after);
    await this.changes.record(tx, actor, { object: 'investigation', investigation: after, before, after });
    return after;
  }

  async #addMembers(tx: Tx, actor: Actor, investigation: Investigation, userIds: readonly string[]): Promise<void> {
    if (userIds.length === 0) return;
    this.people.requireUsers(investigation.orgId, userIds);
    const atMs = this.clock.nowMs();
    const added = await this.repository.addMembers(tx, investigation, { userIds, addedBy: userIdOf(actor), atMs });
    if (added === 0) return;
    if ((await this.repository.findMembers(tx, investigation.id)).length > MAX_MEMBERS) {
      throw new AppError(
        'invalid_value',
        `An investigation has at most ${String(MAX_MEMBERS)} members; use access "team".`,
        {
          param: 'members',
        },
      );
    }
    await this.changes.recordMovement(tx, actor, investigation, { what: 'members', added: userIds });
  }

  /** A lead works inside the own team; others name any team of the organisation. */
  #requireTeam(actor: Actor, teamId: string | null): void {
    this.people.requireTeam(actor.orgId, teamId);
    const bound = actor.kind !== 'system' && writeReach(actor) !== 'organisation';
    if (bound && (teamId === null || teamId !== actor.teamId)) {
      throw new AppError('insufficient_scope', 'teamId: you may only keep investigations of your own team.', {
        param: 'teamId',
      });
    }
  }
}
