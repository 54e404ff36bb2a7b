import { Injectable } from '@nestjs/common';

import { formatInstant } from '../platform/clock/index.js';
import { UnitOfWork } from '../platform/database/index.js';
import { AppError } from '../platform/errors/index.js';
import { isUuid } from '../platform/ids/index.js';
import type { Principal } from '../platform/security/index.js';
import { RoutingService } from '../routing/index.js';
import { GenerationRepository, type GenerationRow } from './persistence/generation.repository.js';

/** A finished call, explained. */
export interface GenerationView {
  readonly id: string;
  readonly at: string;
  readonly operation: string;
  readonly status: string;
  readonly http: number | null;
  readonly clientRequestId: string | null;
  readonly investigationId: string | null;
  readonly userId: string;
  /** The `aip` member of the answer. */
  readonly aip: Readonly<Record<string, unknown>>;
  /** The stored routing decision: every candidate with its reasons. */
  readonly decision: unknown;
  readonly ledger: readonly Readonly<Record<string, unknown>>[];
  readonly receipts: readonly string[];
}

/** Explains finished calls. */
@Injectable()
export class GenerationsService {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly generations: GenerationRepository,
    private readonly routing: RoutingService,
  ) {}

  /** @throws AppError not_found — unknown, or of somebody the caller may not look at */
  async find(principal: Principal, requestId: string): Promise<GenerationView> {
    const missing = new AppError('not_found', 'There is no such finished request, or you may not see it.');
    if (!isUuid(requestId)) throw missing;
    return this.unitOfWork.read(async (tx) => {
      const row = await this.generations.find(tx, principal.orgId, requestId);
      if (row === undefined || !mayRead(principal, row)) throw missing;
      const decision = await this.routing.findDecision(tx, principal.orgId, requestId);
      const ledger = await this.generations.findLedger(tx, principal.orgId, requestId);
      return {
        id: row.requestId,
        at: formatInstant(row.atMs),
        operation: row.operation,
        status: row.status,
        http: row.http,
        clientRequestId: row.clientRequestId,
        investigationId: row.investigationId,
        userId: row.userId,
        aip: row.body,
        decision: decision === undefined ? null : (JSON.parse(decision.body.toString('utf8')) as unknown),
        ledger: ledger.map(({ at, ...entry }) => ({ ...entry, at: formatInstant((at as Date).getTime()) })),
        receipts: row.receipts,
      };
    });
  }
}

function mayRead({ permissions, userId, teamId }: Principal, row: GenerationRow): boolean {
  if (permissions.has('usage:read:all') || row.userId === userId) return true;
  return permissions.has('usage:read:team') && teamId !== null && row.teamId === teamId;
}
