import { mean } from './routing-data.mjs';

/** Least quality and saving per pool and target; the test part of a small pool is noisy. */
const GOALS = {
  'A 0.95': { quality: 0.94, saved: 0.5 },
  'B 0.95': { quality: 0.95, saved: 0.65 },
  'C 0.95': { quality: 0.95, saved: 0.6 },
  'A 0.98': { quality: 0.97 },
  'B 0.98': { quality: 0.97, saved: 0.6 },
  'C 0.98': { quality: 0.97 },
};
const WORST_CLASS = 0.8;
const TARGETS = [0.95, 0.98];

/** Cost saved at two targets in pools of many models; the rule is tuned on training questions and judged on others. */
export function benchPools({ data, product, print }) {
  const missed = [];
  const results = [];
  for (const pool of data.manifest.pools ?? []) {
    const bench = preparePool(pool, { data, product });
    print(
      `pool ${pool.pool}: ${bench.models.length} models, ${bench.train.length} train and ${bench.test.length} test questions, ` +
        `baseline and best single model ${bench.models[bench.baseline]}\n`,
    );
    for (const target of TARGETS) {
      const result = runTarget(bench, target, product);
      const goal = GOALS[`${pool.pool} ${target}`];
      const name = `pool ${pool.pool} at ${target}`;
      if (goal !== undefined && result.quality < goal.quality)
        missed.push(`${name}: quality ${result.quality.toFixed(3)} < ${goal.quality}`);
      if (goal?.saved !== undefined && result.saved < goal.saved)
        missed.push(`${name}: saved ${result.saved.toFixed(3)} < ${goal.saved}`);
      if (result.worst < WORST_CLASS) missed.push(`${name}: worst class ${result.worst.toFixed(3)} < ${WORST_CLASS}`);
      results.push({ pool: pool.pool, target, ...result });
      const { rule } = result;
      print(
        `  target ${target}: quality ${result.quality.toFixed(3)}, saved ${(100 * result.saved).toFixed(0)} %, worst class ` +
          `${result.worst.toFixed(3)} (rule ${rule.rule}${rule.rule === 'target' ? `, λ ${rule.lambda.toPrecision(3)}, head ${rule.headShare}` : ''})` +
          `; best single model 1.000, 0 %; best mix of two singles saves ${(100 * result.mix).toFixed(0)} %` +
          `; cheapest alone has ${result.cheapest.toFixed(3)}${goal === undefined ? '' : `; goal ≥ ${goal.quality}${goal.saved === undefined ? '' : `, ${100 * goal.saved} %`}`}\n`,
      );
    }
  }
  return { missed, results };
}

function preparePool(pool, { data, product }) {
  const models = pool.models ?? Object.keys(pool.price_usd_per_mtok);
  const rows = pool.sets
    .flatMap((set) => data.rowsOf(set).map((row) => ({ ...row, class: pool.class === 'set' ? set : row[pool.class] })))
    .filter(({ scores }) => models.some((model) => typeof scores[model] === 'number'))
    .map((row) => ({ ...row, features: product.features(row.prompt) }));
  const train = rows.filter(({ id }) => !data.isTest(id));
  const test = rows.filter(({ id }) => data.isTest(id));
  const costs = costsOf(pool, models, train);
  const quality = models.map((model) => mean(scored(train, model).map(({ scores }) => scores[model])));
  const baseline = quality.indexOf(Math.max(...quality));
  const judged = (model) =>
    scored(train, model).map((row) => ({
      features: row.features,
      task: row.class,
      score: row.scores[model],
      weight: 1,
    }));
  const guesses = models.map((model) => {
    const predicted = product.outOfFold(judged(model), 4);
    return new Map(scored(train, model).map(({ id }, index) => [id, predicted[index]]));
  });
  const tuning = train.map((row) => ({
    task: row.class,
    scores: models.map((model) => row.scores[model] ?? null),
    costs: models.map((model) => costs.expected(row, model)),
    heads: guesses.map((byId) => byId.get(row.id)),
  }));
  return {
    models,
    train,
    test: test.filter(({ scores }) => typeof scores[models[baseline]] === 'number'),
    costs,
    baseline,
    tuning,
    heads: models.map((model) => product.trainHead(judged(model))),
    table: product.tableOf(tuning, models.length),
    baselineCost: mean(tuning.map(({ costs: one }) => one[baseline])),
  };
}

const scored = (rows, model) => rows.filter(({ scores }) => typeof scores[model] === 'number');

/** What is expected before a call (from training rows only) and what it cost. */
function costsOf(pool, models, train) {
  const perClass = new Map();
  for (const row of train) {
    for (const model of models) {
      const value = pool.cost === 'cost_usd' ? row.cost_usd?.[model] : row.out_chars?.[model];
      if (typeof value !== 'number') continue;
      for (const key of [`${row.class}\u0000${model}`, model]) {
        const [sum, n] = perClass.get(key) ?? [0, 0];
        perClass.set(key, [sum + (pool.cost === 'cost_usd' ? value : Math.ceil(value / 4)), n + 1]);
      }
    }
  }
  const usual = (row, model) => {
    const [sum, n] = perClass.get(`${row.class}\u0000${model}`) ?? perClass.get(model) ?? [0, 0];
    return n === 0 ? undefined : sum / n;
  };
  if (pool.cost === 'cost_usd') {
    const expected = (row, model) => usual(row, model) ?? 0;
    return { expected, actual: (row, model) => row.cost_usd?.[model] ?? expected(row, model) };
  }
  const price = ({ prompt }, model, output) => {
    const [perInput, perOutput] = pool.price_usd_per_mtok[model].map(Number);
    return ((Math.ceil(prompt.length / 4) + pool.template_tokens) * perInput + output * perOutput) / 1e6;
  };
  const assumed = ({ task }) => pool.output_tokens?.[task] ?? pool.output_tokens?.default;
  const expected = (row, model) => price(row, model, assumed(row) ?? usual(row, model) ?? 300);
  return {
    expected,
    actual: (row, model) => {
      const chars = row.out_chars?.[model];
      return typeof chars === 'number' ? price(row, model, Math.ceil(chars / 4)) : expected(row, model);
    },
  };
}

function runTarget(bench, target, product) {
  const { models, test, baseline, costs, table, heads, baselineCost } = bench;
  const tuned = product.tunePolicy(bench.tuning, { baseline, target });
  const sums = { score: 0, base: 0, cost: 0, baseCost: 0 };
  const classes = new Map();
  for (const row of test) {
    const cells = table.get(row.class);
    const options = models.map((model, index) => ({
      cell: typeof row.scores[model] === 'number' ? cells?.[index] : undefined,
      head: heads[index].predict(row.features, row.class),
      cost: costs.expected(row, model) / baselineCost,
    }));
    const [chosen] = product.rankByQuality(options, baseline, { target, minQuality: 0, rule: tuned.rule });
    const score = row.scores[models[chosen]];
    const base = row.scores[models[baseline]];
    sums.score += score;
    sums.base += base;
    sums.cost += costs.actual(row, models[chosen]);
    sums.baseCost += costs.actual(row, models[baseline]);
    const [a, b] = classes.get(row.class) ?? [0, 0];
    classes.set(row.class, [a + score, b + base]);
  }
  const singles = models.map((model) => {
    const answered = scored(test, model);
    const share = (of) => mean(answered.map(of));
    return {
      quality: share(({ scores }) => scores[model]) / share(({ scores }) => scores[models[baseline]]),
      cost: share((row) => costs.actual(row, model)) / share((row) => costs.actual(row, models[baseline])),
    };
  });
  return {
    rule: tuned.rule,
    quality: sums.score / sums.base,
    saved: 1 - sums.cost / sums.baseCost,
    worst: Math.min(...Array.from(classes.values(), ([a, b]) => (b === 0 ? 1 : a / b))),
    mix: bestMix(singles, target),
    cheapest: singles.reduce((least, one) => (one.cost < least.cost ? one : least)).quality,
  };
}

/** The saving of the best random mixture of two models that has the target on the test questions; it knows the answers. */
function bestMix(singles, target) {
  let least = 1;
  for (const a of singles) {
    if (a.quality >= target) least = Math.min(least, a.cost);
    for (const b of singles) {
      if (a.quality >= target || b.quality < target) continue;
      const share = (target - a.quality) / (b.quality - a.quality);
      least = Math.min(least, share * b.cost + (1 - share) * a.cost);
    }
  }
  return 1 - least;
}
