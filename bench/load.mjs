/**
 * Bounded load: a fixed number of calls in flight for a number of seconds, or a fixed rate. Prints one JSON line.
 * node bench/load.mjs URL IN_FLIGHT SECONDS RATE|0 STREAM(0|1) BODY_BYTES [AUTHORIZATION]
 */
import { Pool } from 'undici';

const [url, inFlight, seconds, rate, stream, bodyBytes, authorization] = process.argv.slice(2);
const target = new URL(url);
const pool = new Pool(target.origin, { connections: Number(inFlight), pipelining: 1 });
const frame = JSON.stringify({
  model: 'bench-1',
  max_tokens: 512,
  stream: stream === '1',
  messages: [{ role: 'user', content: '' }],
});
const body = frame.replace(
  '"content":""',
  `"content":"${'lorem ipsum dolor sit amet '.repeat(2000).slice(0, Math.max(1, Number(bodyBytes) - frame.length))}"`,
);
const headers = { 'content-type': 'application/json', ...(authorization ? { authorization } : {}) };
const latencies = [];
const statuses = {};
/** The first answer that was none, for whoever wonders why. */
let refusal;
let bytes = 0;
let stop = false;

async function once() {
  const started = performance.now();
  const answer = await pool.request({ path: target.pathname, method: 'POST', headers, body });
  let text = '';
  for await (const part of answer.body) {
    bytes += part.length;
    if (answer.statusCode !== 200) text += part;
  }
  if (answer.statusCode !== 200)
    refusal ??= `after ${Math.round(performance.now() - started)} ms: ${text.slice(0, 500)}`;
  latencies.push(performance.now() - started);
  statuses[answer.statusCode] = (statuses[answer.statusCode] ?? 0) + 1;
}

const startedAt = performance.now();
setTimeout(() => (stop = true), Number(seconds) * 1000);
if (Number(rate) === 0) {
  await Promise.all(
    Array.from({ length: Number(inFlight) }, async () => {
      while (!stop) await once();
    }),
  );
} else {
  const running = new Set();
  for (let sent = 0; !stop;) {
    const due = Math.floor(((performance.now() - startedAt) / 1000) * Number(rate));
    for (; sent < due && running.size < 2_000; sent += 1) {
      const call = once().finally(() => running.delete(call));
      running.add(call);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(running);
}
const elapsed = (performance.now() - startedAt) / 1000;
latencies.sort((a, b) => a - b);
const at = (share) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))];
await pool.close();
process.stdout.write(
  `${JSON.stringify({ calls: latencies.length, perSecond: latencies.length / elapsed, p50: at(0.5), p99: at(0.99), statuses, refusal, bytes })}\n`,
);
