import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';

const lines = (file) => {
  const bytes = readFileSync(file);
  const text = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
};

/** A folder with a manifest: sets of judged prompts, pairs, pools and triples, each optional. */
export function openData(folder) {
  const manifest = JSON.parse(readFileSync(path.join(folder, 'manifest.json'), 'utf8'));
  const threshold = manifest.split?.threshold ?? 77;
  const rows = new Map();
  return {
    manifest,
    /** Whether a row is for measuring only: decided by its id, never by its place. */
    isTest: (id) => createHash('sha256').update(id).digest()[0] < threshold,
    rowsOf(set) {
      const { file } = manifest.sets.find((one) => one.set === set) ?? {};
      if (file === undefined) throw new Error(`The manifest names no set ${set}`);
      if (!rows.has(set)) rows.set(set, lines(path.join(folder, file)));
      return rows.get(set);
    },
    agreementRows: () => (manifest.agreement === undefined ? [] : lines(path.join(folder, manifest.agreement.file))),
  };
}

/** Numbers 0…1 from a seed (mulberry32). */
export function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A copy in random order. */
export function shuffled(list, random) {
  const copy = [...list];
  for (let i = copy.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    [copy[i], copy[j]] = [copy[j], copy[i]];
  }
  return copy;
}

export const mean = (numbers) => numbers.reduce((sum, one) => sum + one, 0) / Math.max(1, numbers.length);
export const deviation = (numbers) => {
  const middle = mean(numbers);
  return Math.sqrt(mean(numbers.map((one) => (one - middle) ** 2)));
};

/** APGR of a score (higher: needs the strong model more): area under the share of the quality gap that is recovered, against the share of
 *  calls that the strong model gets; 10 bins, trapezoids; random 0.5. CPT: share of strong calls that recovers 50 and 80 % of the gap.
 *  Source: Ong et al., RouteLLM, arXiv 2406.18665, §3.3. */
export function evaluateRouter(rows, [weak, strong], score) {
  const order = rows
    .map((_, index) => index)
    .sort((a, b) => score[b] - score[a] || ((a * 2654435761) >>> 0) - ((b * 2654435761) >>> 0));
  const gain = (index) => rows[index].scores[strong] - rows[index].scores[weak];
  const gap = order.reduce((sum, index) => sum + gain(index), 0);
  let recovered = 0;
  const curve = [0, ...order.map((index) => (recovered += gain(index)) / gap)];
  const points = Array.from({ length: 11 }, (_, bin) => Math.round((rows.length * bin) / 10));
  let area = 0;
  const reach = (share) => {
    for (let i = 1; i < points.length; i += 1) {
      const [from, to] = [curve[points[i - 1]], curve[points[i]]];
      if (to < share) continue;
      const [a, b] = [points[i - 1] / rows.length, points[i] / rows.length];
      return to > from ? a + ((share - from) / (to - from)) * (b - a) : b;
    }
    return 1;
  };
  for (let i = 1; i < points.length; i += 1) {
    area += ((curve[points[i]] + curve[points[i - 1]]) / 2) * ((points[i] - points[i - 1]) / rows.length);
  }
  return { apgr: area, cpt50: reach(0.5), cpt80: reach(0.8) };
}
