import { AppError } from '../errors/index.js';

const AWAY = new Set(['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EPIPE', 'ENOTFOUND', 'EHOSTUNREACH']);
/** Connection exceptions, shutdown, too many connections, read-only standby, disk full. Source: PostgreSQL manual, appendix A. */
const AWAY_STATE = /^(08|57P|53|25006|58)/;
const RETRY_STATE = new Set(['40001', '40P01', '55P03']);
const LOST =
  /Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect|Query read timeout/;

function stateOf(error: unknown): string {
  const code = (error as { code?: unknown; driverError?: { code?: unknown } } | null)?.code;
  return typeof code === 'string' ? code : '';
}

/** True when the statement never ran or its outcome is unknown because the server cannot be reached. */
export function isDatabaseAway(error: unknown): boolean {
  const state = stateOf(error);
  return AWAY.has(state) || AWAY_STATE.test(state) || (error instanceof Error && LOST.test(error.message));
}

/** True for a deadlock, a serialization failure or a lock time-out: the same work may pass when run again. */
export function isTransientConflict(error: unknown): boolean {
  return RETRY_STATE.has(stateOf(error));
}

/** True when `constraint` (or any, when omitted) was violated by a duplicate. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  const found = error as { code?: unknown; constraint?: unknown } | null;
  return found?.code === '23505' && (constraint === undefined || found.constraint === constraint);
}

/** `dependency_unavailable` for a database that is away; every other error as it is. */
export function databaseError(error: unknown): unknown {
  if (error instanceof AppError || !isDatabaseAway(error)) return error;
  return new AppError(
    'dependency_unavailable',
    'The ledger cannot be written at the moment. Nothing was charged; try again.',
    {
      cause: error,
      retryAfterSeconds: 5,
    },
  );
}
