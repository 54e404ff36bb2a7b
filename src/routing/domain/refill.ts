import type { Deployment } from '../../providers/index.js';
import type { Refill } from './headroom.js';

/** Vendors whose limits are token buckets: what is used flows back evenly, and the reset says when the bucket is full.
 *  Source: rate limit pages of OpenAI, Anthropic and Groq. */
const CONTINUOUS: ReadonlySet<string> = new Set(['openai', 'anthropic', 'groq', 'fireworks']);

/** Vendors that refuse a load that grows too fast, whatever its limit. Source: Anthropic's rate limit page (acceleration limits). */
const ACCELERATION_LIMITED: ReadonlySet<string> = new Set(['anthropic', 'vertex', 'gemini']);

/** How the limits of a deployment's vendor fill up again. Everybody else counts by window, which never promises too much. */
export function refillOf({ vendor, simulated }: Pick<Deployment, 'vendor' | 'simulated'>): Refill {
  return !simulated && CONTINUOUS.has(vendor) ? 'continuous' : 'window';
}

/** Whether the load of a deployment may at most double per minute. */
export function growsSlowly({ vendor, simulated }: Pick<Deployment, 'vendor' | 'simulated'>): boolean {
  return !simulated && ACCELERATION_LIMITED.has(vendor);
}
