import { AppError } from '../../platform/errors/index.js';
import type { Principal } from '../../platform/security/index.js';

/** What usage can be grouped by. */
export const DIMENSIONS = [
  'ORGANISATION',
  'TEAM',
  'USER',
  'INVESTIGATION',
  'OPERATION',
  'KEY',
  'PROVIDER',
  'MODEL',
  'DEPLOYMENT',
  'TASK',
  'CRITICALITY',
  'SERVICE_TIER',
  'OUTCOME',
] as const;

/** One of {@link DIMENSIONS}. */
export type Dimension = (typeof DIMENSIONS)[number];

/** Width of a point in time. */
export const GRANULARITIES = ['MINUTE', 'HOUR', 'DAY', 'TOTAL'] as const;

/** One of {@link GRANULARITIES}. */
export type Granularity = (typeof GRANULARITIES)[number];

/** Which usage a report is about. Instants in milliseconds; `to` is exclusive. */
export interface UsageFilter {
  readonly fromMs: number;
  readonly toMs: number;
  readonly timeZone: string;
  readonly currency: string;
  readonly teams?: readonly string[];
  readonly users?: readonly string[];
  readonly investigations?: readonly string[];
  readonly operations?: readonly string[];
  readonly keys?: readonly string[];
  readonly providers?: readonly string[];
  readonly models?: readonly string[];
  readonly simulated: boolean;
}

/** Whose usage a caller may see. `null` means no restriction inside the organisation. */
export interface UsageScope {
  readonly orgId: string;
  readonly teamId: string | null;
  readonly userId: string | null;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const RANGE_MS: Readonly<Record<Granularity, number>> = {
  MINUTE: DAY_MS,
  HOUR: 62 * DAY_MS,
  DAY: 3 * 366 * DAY_MS,
  TOTAL: 3 * 366 * DAY_MS,
};

/** The widest view that the caller's permissions allow. @throws AppError insufficient_scope */
export function scopeOf(principal: Principal): UsageScope {
  const { orgId, permissions } = principal;
  if (permissions.has('usage:read:all')) return { orgId, teamId: null, userId: null };
  if (permissions.has('usage:read:team') && principal.teamId !== null)
    return { orgId, teamId: principal.teamId, userId: null };
  if (permissions.has('usage:read')) return { orgId, teamId: null, userId: principal.userId };
  throw new AppError('insufficient_scope', 'Usage needs the permission usage:read.');
}

/** @throws AppError invalid_value — the range is empty or too long for the granularity, or the zone is unknown */
export function checkFilter(filter: UsageFilter, granularity: Granularity): void {
  if (filter.toMs <= filter.fromMs) {
    throw new AppError('invalid_value', 'filter.to must lie after filter.from.', { param: 'filter.to' });
  }
  if (filter.toMs - filter.fromMs > RANGE_MS[granularity]) {
    const days = String(RANGE_MS[granularity] / DAY_MS);
    throw new AppError(
      'invalid_value',
      `A report by ${granularity} covers at most ${days} days. Ask for a shorter range.`,
      {
        param: 'filter.to',
      },
    );
  }
  if (!isZone(filter.timeZone)) {
    throw new AppError('invalid_value', 'filter.timeZone must be an IANA name, for example Europe/Berlin.', {
      param: 'filter.timeZone',
    });
  }
}

function isZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
