import { seededRandom } from '../../platform/ids/index.js';
import type { Inject } from '../demo-api.js';
import { DEMO_CASES, DEMO_PURPOSES } from './people.js';

const REQUESTS = 350;
const IN_FLIGHT = 8;
const MODELS = ['auto', 'auto', 'auto', 'sim-small', 'sim-fast', 'sim-large'] as const;
const WORK = [
  'Summarise exhibit',
  'List every account number in exhibit',
  'Translate the chat in exhibit',
  'Who is mentioned together with whom in exhibit',
  'Draft a report section about exhibit',
] as const;

const pick = <T>(random: () => number, from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;

/** Runs 350 calls through the whole product, so that a fresh demo has true money and true evidence. Resolves to how many were
 *  answered. `users`: on whose behalf the case system asks. */
export async function runEvidence(
  inject: Inject,
  demo: { readonly key: string; readonly users: readonly string[]; readonly seed: number },
): Promise<number> {
  const random = seededRandom(demo.seed + 1);
  const calls = Array.from({ length: REQUESTS }, (_, index) => ({
    model: pick(random, MODELS),
    investigation: pick(random, DEMO_CASES).ref,
    purpose: pick(random, DEMO_PURPOSES).code,
    user: pick(random, demo.users),
    content: `${pick(random, WORK)} ${String(1 + (index % 40))}`,
  }));
  let answered = 0;
  const next = async (): Promise<void> => {
    for (let call = calls.pop(); call !== undefined; call = calls.pop()) {
      const { statusCode } = await inject({
        method: 'POST',
        url: '/v1/chat/completions',
        headers: {
          authorization: `Bearer ${demo.key}`,
          'content-type': 'application/json',
          'aip-investigation': call.investigation,
          'aip-purpose': call.purpose,
          'aip-on-behalf-of': call.user,
        },
        payload: JSON.stringify({
          model: call.model,
          max_tokens: 200,
          messages: [{ role: 'user', content: call.content }],
        }),
      });
      if (statusCode === 200) answered += 1;
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, next));
  return answered;
}
