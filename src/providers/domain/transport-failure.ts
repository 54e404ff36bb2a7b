import type { UpstreamFailure } from '../adapters/failure.js';
import type { TimerName } from './attempt-timers.js';

const failure = (
  parts: Pick<UpstreamFailure, 'class' | 'outcome' | 'publicMessage' | 'billed'> & Partial<UpstreamFailure>,
): UpstreamFailure => ({ status: null, vendorCode: null, ...parts });

/** How far an attempt had come when it failed. */
export interface Progress {
  /** A connection carried the request. */
  readonly sent: boolean;
  /** Status of the response, 0 before it arrived. */
  readonly status: number;
}

/** The connection could not be opened, or broke before the response began. Nothing was billed. */
export function connectFailure(code: string | null): UpstreamFailure {
  const publicMessage =
    code === 'AIP_GUARD' ? 'the address is closed to outbound connections' : 'no connection could be made';
  return failure({ class: 'connect', outcome: 'connect_error', vendorCode: code, publicMessage, billed: 'no' });
}

/** The credential could not be used, so nothing was sent. */
export function credentialFailure(code: string): UpstreamFailure {
  return failure({
    class: 'credential',
    outcome: 'connect_error',
    vendorCode: code,
    publicMessage: 'it refused our credential',
    billed: 'no',
  });
}

/** A kept-alive connection was closed by the provider before it saw the request. */
export function staleSocket(): UpstreamFailure {
  return failure({
    class: 'stale_socket',
    outcome: 'connect_error',
    publicMessage: 'the connection had been closed',
    billed: 'no',
  });
}

/** The connection broke while the answer arrived. */
export function torn(progress: Progress): UpstreamFailure {
  return failure({
    class: 'truncated',
    outcome: 'truncated',
    status: progress.status,
    publicMessage: 'the answer broke off',
    billed: 'maybe',
  });
}

/** What arrived is no answer. */
export function malformed(
  publicMessage: string,
  status: number | null,
  billed: UpstreamFailure['billed'] = 'maybe',
): UpstreamFailure {
  return failure({ class: 'malformed', outcome: 'malformed', status, publicMessage, billed });
}

const TIMEOUTS = {
  ttft: { class: 'ttft_timeout', outcome: 'ttft_timeout', publicMessage: 'it did not begin to answer in time' },
  idle: { class: 'idle_timeout', outcome: 'idle_timeout', publicMessage: 'its answer stood still' },
  total: { class: 'total_timeout', outcome: 'total_timeout', publicMessage: 'its answer took too long' },
  deadline: { class: 'total_timeout', outcome: 'total_timeout', publicMessage: 'the deadline of the request passed' },
} as const;

/** A timer was due. Before the request was sent nothing can have been billed. */
export function timedOut(timer: TimerName, progress: Progress): UpstreamFailure {
  if (timer === 'connect') return connectFailure('CONNECT_TIMEOUT');
  const status = progress.status === 0 ? null : progress.status;
  return failure({ ...TIMEOUTS[timer], status, billed: progress.sent ? 'maybe' : 'no' });
}
