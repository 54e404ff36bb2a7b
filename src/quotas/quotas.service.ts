import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/index.js';
import { AppError } from '../platform/errors/index.js';
import type { Attribution, Criticality, Principal } from '../platform/security/index.js';
import { ConfigSnapshots, type ConfigSnapshot, type SnapshotPart } from '../platform/snapshot/index.js';
import { Admission } from './admission.js';
import { grantCriticality } from './domain/criticality.js';
import type { Override } from './domain/override.js';
import { extraOf, holderOf, QuotaBook } from './domain/quota-book.js';
import { rateLimitHeaders, type QuotaReading } from './domain/quota-reading.js';
import { QuotaTable, type Gauge, type QuotaRefusal } from './domain/quota-table.js';
import type { QuotaHolder } from './domain/quota.js';
import { OverrideUses } from './override-uses.js';
import { OverrideRepository } from './persistence/override.repository.js';
import { QuotaPolicyRepository } from './persistence/quota-policy.repository.js';

/** What a request needs of its quotas. */
export interface AdmitRequest {
  /** Input bound plus output bound. */
  readonly estimatedTokens: number;
  /** As the caller named it: a public model, an alias, `auto` or `auto/<task>`. */
  readonly model: string;
  /** The caller's wish. */
  readonly criticality?: Criticality | undefined;
  /** When the request ends at the latest; its slots come back then. */
  readonly deadlineAtMs: number;
  readonly snapshot: ConfigSnapshot;
  /** Names the request in the record of an override's use. */
  readonly requestId?: string;
}

/** The answer to "would this run": nothing is taken. */
export interface QuotaCheck {
  readonly allowed: boolean;
  readonly code: 'quota_exceeded' | 'concurrency_exceeded' | 'criticality_forbidden' | null;
  readonly message: string | null;
  readonly retryAfterSeconds: number | null;
  readonly limits: readonly QuotaReading[];
}

/** Admits requests against the limits of their callers, in this process's memory. */
@Injectable()
export class QuotasService {
  /** Policies and open overrides. */
  readonly part: SnapshotPart<QuotaBook>;
  readonly #table = new QuotaTable();

  constructor(
    private readonly snapshots: ConfigSnapshots,
    private readonly clock: Clock,
    private readonly uses: OverrideUses,
    policies: QuotaPolicyRepository,
    overrides: OverrideRepository,
  ) {
    this.part = snapshots.register({
      name: 'quotas',
      load: async (tx) => {
        const policyRows = await policies.findAll(tx);
        const overrideRows = await overrides.findOpen(tx);
        return { value: new QuotaBook(policyRows, overrideRows), rows: { policyRows, overrideRows } };
      },
    });
  }

  /** Takes one request, the estimated tokens and one slot from every matching limit in one step. A refusal takes nothing.
   *  @throws AppError criticality_forbidden — the wish is above the entitlement;
   *  quota_exceeded, concurrency_exceeded — the limit that lets the request wait longest, with Retry-After */
  admit(attribution: Attribution, principal: Principal, request: AdmitRequest): Admission {
    const nowMs = this.clock.nowMs();
    const holder = holderOf(attribution, principal.kind);
    const book = request.snapshot.get(this.part);
    const overrides = book.overridesOf(holder, nowMs);
    const granted = grantCriticality(request.criticality, principal, overrides.length > 0);
    const gauges = gaugesOf(book, holder, request.model, overrides);
    const answer = this.#table.admit({
      gauges,
      tokens: request.estimatedTokens,
      deadlineAtMs: request.deadlineAtMs,
      nowMs,
    });
    const readings = gauges.map((gauge) => this.#table.read(gauge, nowMs));
    if ('refusal' in answer)
      throw refusalError(answer.refusal, request.estimatedTokens, rateLimitHeaders(readings, nowMs));
    const used = usedOf(overrides, answer.taken.beyond, granted.byOverride);
    this.uses.note(holder.orgId, used, { requestId: request.requestId ?? null, atMs: nowMs });
    return new Admission(this.#table, answer.taken, {
      criticality: granted.criticality,
      readings,
      usedOverrides: used,
      admittedAtMs: nowMs,
      nowMs: () => this.clock.nowMs(),
    });
  }

  /** Says whether such a request would be admitted now. Takes nothing. */
  check(holder: QuotaHolder, principal: Principal, request: AdmitRequest): QuotaCheck {
    const nowMs = this.clock.nowMs();
    const book = request.snapshot.get(this.part);
    const overrides = book.overridesOf(holder, nowMs);
    const gauges = gaugesOf(book, holder, request.model, overrides);
    const limits = gauges.map((gauge) => this.#table.read(gauge, nowMs));
    const refuse = (error: AppError): QuotaCheck => ({
      allowed: false,
      code: error.code as QuotaCheck['code'],
      message: error.message,
      retryAfterSeconds: error.facts.retryAfterSeconds ?? null,
      limits,
    });
    try {
      grantCriticality(request.criticality, principal, overrides.length > 0);
    } catch (error) {
      if (error instanceof AppError) return refuse(error);
      throw error;
    }
    const refusal = this.#table.probe({ gauges, tokens: request.estimatedTokens, deadlineAtMs: nowMs, nowMs });
    if (refusal !== undefined) return refuse(refusalError(refusal, request.estimatedTokens, {}));
    return { allowed: true, code: null, message: null, retryAfterSeconds: null, limits };
  }

  /** Where every limit of a holder stands, in the order USER, TEAM, KEY, SERVICE. */
  state(holder: QuotaHolder, snapshot: ConfigSnapshot = this.snapshots.current()): readonly QuotaReading[] {
    const nowMs = this.clock.nowMs();
    const book = snapshot.get(this.part);
    const gauges = gaugesOf(book, holder, null, book.overridesOf(holder, nowMs));
    return gauges.map((gauge) => this.#table.read(gauge, nowMs));
  }
}

function gaugesOf(
  book: QuotaBook,
  holder: QuotaHolder,
  model: string | null,
  overrides: readonly Override[],
): readonly Gauge[] {
  return book
    .matching(holder, model)
    .map(({ policy, subjectId }) => ({ policy, subjectId, extra: extraOf(policy.metric, overrides) }));
}

/** Overrides that a request needed: those that add to a metric it passed only because of them, all for its class. */
function usedOf(
  overrides: readonly Override[],
  beyond: ReadonlySet<Gauge['policy']['metric']>,
  forCriticality: boolean,
): readonly string[] {
  if (overrides.length === 0 || (beyond.size === 0 && !forCriticality)) return [];
  const needed = overrides.filter((override) => [...beyond].some((metric) => extraOf(metric, [override]) > 0));
  return (forCriticality ? overrides : needed).map(({ id }) => id);
}

function refusalError(refusal: QuotaRefusal, tokens: number, headers: Record<string, string>): AppError {
  const { gauge, retryAfterMs } = refusal;
  const { policy } = gauge;
  const limit = policy.limit + gauge.extra;
  const aip = { limit: { id: policy.id, name: policy.name, level: policy.subject.type, metric: policy.metric } };
  if (policy.metric === 'CONCURRENCY') {
    return new AppError(
      'concurrency_exceeded',
      `The quota ${policy.name} allows ${String(limit)} requests at once, and all of them are running. Wait for one to end.`,
      { retryAfterSeconds: (retryAfterMs ?? 1000) / 1000, headers, aip },
    );
  }
  const unit = policy.metric.toLowerCase();
  if (retryAfterMs === null) {
    return new AppError(
      'quota_exceeded',
      `This request needs ${String(tokens)} ${unit}, more than the quota ${policy.name} ever gives at once ` +
        `(${String(policy.burst + gauge.extra)}). Shorten it or lower max_completion_tokens.`,
      { shouldRetry: false, headers, aip },
    );
  }
  return new AppError(
    'quota_exceeded',
    `The quota ${policy.name} of ${String(limit)} ${unit} per ${String(policy.windowSeconds)} s is used up. ` +
      `Try again in ${String(Math.ceil(retryAfterMs / 1000))} s, or request an override.`,
    { retryAfterSeconds: retryAfterMs / 1000, headers, aip },
  );
}
