import { deviation, evaluateRouter, generator, mean, shuffled } from './routing-data.mjs';

const DRAWS = 5;
const VERDICTS = [300, 1500];
/** Share of the questions of a small set that may be learned from. */
const MOST_TRAIN = 0.7;
/** Goals at 1 500 verdicts, by set and pair. */
const GOALS = {
  'mmlu-pro 0': { both: 0.615, heads: 0.6 },
  'mmlu-pro 1': { both: 0.85, heads: 0.66 },
  'mmlu-pro 2': { both: 0.53, heads: 0.52 },
  'llmrouter 0': { both: 0.77, heads: 0.75 },
  'llmrouter 1': { both: 0.79, heads: 0.76 },
};
const MOST_SECONDS = 5;
const MOST_BYTES = 50_000;

/** What a router learns from N judged questions and does on others of the same set. `table`: means per task; `heads`: words only; `both`: words
 *  and task; `served`: as `both`, where only one of the two answers was judged. */
export function benchLearning({ data, product, print }) {
  const { features } = product;
  const missed = [];
  const results = [];
  print(
    'learned from N verdicts: APGR on the questions that were not drawn, mean of 5 draws (CPT50, CPT80 of `both`)\n',
  );
  for (const { set, label, pairs } of data.manifest.sets) {
    const all = data.rowsOf(set);
    for (const [position, pair] of pairs.entries()) {
      const rows = all.filter(({ scores }) => pair.every((model) => typeof scores[model] === 'number'));
      const most = Math.floor(rows.length * MOST_TRAIN);
      if (most < 60) continue;
      for (const n of VERDICTS.filter((count, i) => i === 0 || most > VERDICTS[i - 1])) {
        const result = measure({ all: rows, pair, label, n: Math.min(n, most), product, features });
        const goal = n === 1500 ? GOALS[`${set} ${position}`] : undefined;
        for (const [name, least] of Object.entries(goal ?? {})) {
          if (result[name].mean < least)
            missed.push(`${set} ${pair.join(' → ')}: ${name} ${result[name].mean.toFixed(3)} < ${least}`);
        }
        if (result.seconds > MOST_SECONDS) missed.push(`${set}: training took ${result.seconds.toFixed(1)} s`);
        if (result.bytes > MOST_BYTES) missed.push(`${set}: a head has ${result.bytes} bytes`);
        results.push({ set, pair, ...result });
        print(lineOf(set, pair, result, goal));
      }
    }
  }
  return { missed, results };
}

function lineOf(set, [weak, strong], result, goal) {
  const of = (name) => {
    const { mean: value, sd } = result[name];
    const aim = goal?.[name] === undefined ? '' : ` (goal ${goal[name]})`;
    return `${name} ${value.toFixed(3)}±${sd.toFixed(3)}${aim}`;
  };
  return (
    `${set}: ${weak} → ${strong}, ${result.n} verdicts, ${result.tested} tested\n` +
    `  length ${result.length.toFixed(3)}  random ${result.random.mean.toFixed(3)}±${result.random.sd.toFixed(3)}  ` +
    `${['table', 'heads', 'both', 'served'].map(of).join('  ')}  ` +
    `CPT50 ${(100 * result.cpt50).toFixed(0)} %, CPT80 ${(100 * result.cpt80).toFixed(0)} %  ` +
    `${result.seconds.toFixed(2)} s, ${(result.bytes / 1000).toFixed(1)} KB per head\n`
  );
}

function measure({ all, pair, label, n, product, features }) {
  const found = {
    table: [],
    heads: [],
    both: [],
    served: [],
    random: [],
    length: [],
    cpt50: [],
    cpt80: [],
    seconds: [],
    bytes: [],
  };
  const taskOf = (row) => (label === null || label === undefined ? null : (row[label] ?? null));
  for (let draw = 1; draw <= DRAWS; draw += 1) {
    const random = generator(draw * 7919);
    const drawn = shuffled(all, random);
    const [rows, test] = [drawn.slice(0, n), drawn.slice(n)];
    const evaluate = (score) => evaluateRouter(test, pair, test.map(score));
    found.length.push(evaluate(({ prompt }) => prompt.length).apgr);
    const judged = (model, withTask, keep = () => true) =>
      rows.filter(keep).map((row) => ({
        features: features(row.prompt),
        task: withTask ? taskOf(row) : null,
        score: row.scores[model],
        weight: 1,
      }));
    const began = process.hrtime.bigint();
    const both = pair.map((model) => product.trainHead(judged(model, true)));
    found.seconds.push(Number(process.hrtime.bigint() - began) / 1e9);
    const heads =
      label === null || label === undefined ? both : pair.map((model) => product.trainHead(judged(model, false)));
    const sides = new Map(rows.map(({ id }) => [id, random() < 0.5 ? 0 : 1]));
    const served = pair.map((model, side) =>
      product.trainHead(judged(model, true, ({ id }) => sides.get(id) === side)),
    );
    const gain =
      ([weak, strong]) =>
      (row) => {
        const seen = features(row.prompt);
        return strong.predict(seen, taskOf(row)) - weak.predict(seen, taskOf(row));
      };
    const ranked = evaluate(gain(both));
    found.both.push(ranked.apgr);
    found.cpt50.push(ranked.cpt50);
    found.cpt80.push(ranked.cpt80);
    found.heads.push(evaluate(gain(heads)).apgr);
    found.served.push(evaluate(gain(served)).apgr);
    found.table.push(evaluate(tableGain(rows, pair, { taskOf, product })).apgr);
    found.random.push(evaluate(() => random()).apgr);
    found.bytes.push(
      ...both.map((head) => product.encodeHead(head, { model: pair[0], n, rowsDigest: '0'.repeat(64) }).length),
    );
  }
  const summary = (list) => ({ mean: mean(list), sd: deviation(list) });
  return {
    n,
    tested: all.length - n,
    length: mean(found.length),
    random: summary(found.random),
    table: summary(found.table),
    heads: summary(found.heads),
    both: summary(found.both),
    served: summary(found.served),
    cpt50: mean(found.cpt50),
    cpt80: mean(found.cpt80),
    seconds: mean(found.seconds),
    bytes: Math.max(...found.bytes),
  };
}

/** Difference of the cells of both models; a task that was never seen has the mean of all. */
function tableGain(rows, pair, { taskOf, product }) {
  const cells = new Map();
  const add = (task, model, score) => {
    const key = `${task}\u0000${model}`;
    cells.set(key, product.withVerdict(cells.get(key) ?? product.EMPTY_CELL, score, 1));
  };
  const overall = pair.map((model) => mean(rows.map(({ scores }) => scores[model])));
  for (const row of rows) for (const model of pair) add(taskOf(row), model, row.scores[model]);
  const value = (task, side) => {
    const cell = cells.get(`${task}\u0000${pair[side]}`) ?? product.EMPTY_CELL;
    return product.estimateCell(product.withPrior(cell, overall[side], 10)).mean;
  };
  const gains = new Map();
  return (row) => {
    const task = taskOf(row);
    if (!gains.has(task)) gains.set(task, value(task, 1) - value(task, 0));
    return gains.get(task);
  };
}
