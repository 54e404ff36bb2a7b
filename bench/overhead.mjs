/**
 * What a request costs: the fully accounted path against `bare-json` (bench/reference-proxy.mjs) in the same run.
 * CPU is that of the proxy's own process, at saturation with 64 calls in flight; latency is measured at a fixed rate.
 * The proxy has one core to itself, load, partner and database share the other (taskset, Linux).
 *
 *   npm run bench:overhead [-- --rounds 5 --seconds 4 --shapes 1,4]
 */
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

import { startGateway } from './gateway.mjs';
import { cpuMicros, endAll, median, pinned, run, start } from './processes.mjs';

const option = (name, standard) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? standard : process.argv[at + 1];
};
const rounds = Number(option('rounds', 5));
const seconds = Number(option('seconds', 4));
const only = option('shapes', '').split(',').filter(Boolean);
const file = (name) => fileURLToPath(new URL(name, import.meta.url));
const PROXY_CORE = 0;
const OTHER_CORE = cpus().length > 1 ? 1 : 0;

/** Shapes of load. `chunks`: deltas that the partner sends for one answer. */
const SHAPES = [
  { name: '1 KB, collected', chunks: 4, stream: 0, bytes: 1024 },
  { name: '32 KB, collected', chunks: 4, stream: 0, bytes: 32 * 1024 },
  { name: '1 KB, 100 chunks streamed', chunks: 100, stream: 1, bytes: 1024 },
  { name: '1 KB, 400 chunks streamed', chunks: 400, stream: 1, bytes: 1024 },
].filter((_, index) => only.length === 0 || only.includes(String(index + 1)));
const RATE = 200;

async function load(target, shape, { inFlight, rate }) {
  const text = await run(OTHER_CORE, [
    file('load.mjs'),
    `${target.url}/v1/chat/completions`,
    String(inFlight),
    String(seconds),
    String(rate),
    String(shape.stream),
    String(shape.bytes),
    target.authorization,
  ]);
  const result = JSON.parse(text);
  const bad = Object.entries(result.statuses).filter(([status]) => status !== '200');
  if (bad.length > 0) throw new Error(`${target.name}: ${JSON.stringify(result.statuses)}, ${result.refusal}`);
  return result;
}

async function cpuPerCall(target, shape) {
  const before = cpuMicros(target.pid);
  const { calls, perSecond } = await load(target, shape, { inFlight: 64, rate: 0 });
  return { micros: (cpuMicros(target.pid) - before) / calls, perSecond };
}

const quartiles = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  return [
    sorted[Math.floor(sorted.length / 4)],
    sorted[Math.floor(sorted.length / 2)],
    sorted[Math.floor((3 * sorted.length) / 4)],
  ];
};
const text = (value, digits = 0) => value.toFixed(digits).padStart(9);

try {
  process.stdout.write(
    `Node ${process.version}, ${cpus().length} cores (${cpus()[0].model}), ${pinned ? 'pinned' : 'not pinned'}, ${rounds} rounds of ${seconds} s\n\n`,
  );
  process.stdout.write(
    'shape                       bare-json µs   ours µs     ratio (quartiles)        calls/s bare, ours   added p50, p99 ms at 200/s\n',
  );
  const streamed = [];
  for (const shape of SHAPES) {
    const upstream = await start(OTHER_CORE, [file('upstream.mjs'), String(shape.chunks), '1024']);
    const upstreamUrl = `http://127.0.0.1:${upstream.line}`;
    const bare = await start(PROXY_CORE, [file('reference-proxy.mjs'), upstream.line]);
    const gateway = await startGateway({ core: PROXY_CORE, elsewhere: OTHER_CORE, upstreamUrl: `${upstreamUrl}/v1` });
    const targets = [
      { name: 'bare-json', url: `http://127.0.0.1:${bare.line}`, pid: bare.child.pid, authorization: '' },
      { name: 'ours', url: gateway.url, pid: gateway.pid, authorization: `Bearer ${gateway.key}` },
    ];
    for (const target of targets) await load(target, shape, { inFlight: 64, rate: 0 });
    const figures = { 'bare-json': [], ours: [] };
    const perSecond = { 'bare-json': [], ours: [] };
    for (let round = 0; round < rounds; round += 1) {
      for (const target of round % 2 === 0 ? targets : [...targets].reverse()) {
        const { micros, perSecond: rate } = await cpuPerCall(target, shape);
        figures[target.name].push(micros);
        perSecond[target.name].push(rate);
      }
    }
    const latency = {};
    for (const target of targets)
      latency[target.name] = await load(target, shape, { inFlight: 256, rate: shape.stream ? 20 : RATE });
    const ratios = figures.ours.map((micros, index) => micros / figures['bare-json'][index]);
    const [low, middle, high] = quartiles(ratios);
    const added = ['p50', 'p99'].map((name) => latency.ours[name] - latency['bare-json'][name]);
    process.stdout.write(
      `${shape.name.padEnd(27)} ${text(median(figures['bare-json']))} ${text(median(figures.ours))}    ${middle.toFixed(2)} × (${low.toFixed(2)}–${high.toFixed(2)})    ` +
        `${text(median(perSecond['bare-json']))} ${text(median(perSecond.ours))}     ${added[0].toFixed(1)}, ${added[1].toFixed(1)}\n`,
    );
    if (shape.stream) streamed.push({ chunks: shape.chunks, bare: figures['bare-json'], ours: figures.ours });
    await endAll();
    gateway.remove();
  }
  const [short, long] = streamed;
  if (long !== undefined) {
    const slope = (who) => (median(long[who]) - median(short[who])) / (long.chunks - short.chunks);
    process.stdout.write(
      `\none more chunk costs (slope between ${short.chunks} and ${long.chunks}): ${slope('bare').toFixed(1)} µs, ${slope('ours').toFixed(1)} µs, ratio ${(slope('ours') / slope('bare')).toFixed(2)} ×\n`,
    );
  }
} finally {
  await endAll();
}
