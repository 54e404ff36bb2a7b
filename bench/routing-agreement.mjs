/** Two economical models in parallel: equal final answers are accepted, else the third answers too. */
export function benchAgreement({ data, print }) {
  const missed = [];
  const results = [];
  const { agreement, pools = [] } = data.manifest;
  if (agreement === undefined) return { missed, results };
  const answers = new Map(data.agreementRows().map(({ id, answers: one }) => [id, one]));
  const rows = agreement.sets.flatMap((set) => data.rowsOf(set)).filter(({ id }) => answers.has(id));
  const pool = pools.find(
    ({ price_usd_per_mtok: prices, sets }) => prices !== undefined && agreement.sets.every((set) => sets.includes(set)),
  );
  const cost = (row, model) => {
    const [perInput, perOutput] = pool.price_usd_per_mtok[model].map(Number);
    const output = Math.ceil((row.out_chars?.[model] ?? 1200) / 4);
    return (Math.ceil(row.prompt.length / 4) + pool.template_tokens) * perInput + output * perOutput;
  };
  for (const [position, triple] of agreement.triples.entries()) {
    const [first, second, baseline] = triple;
    const sums = { score: 0, base: 0, cost: 0, baseCost: 0, accepted: 0, right: 0, n: 0 };
    for (const row of rows) {
      if (triple.some((model) => typeof row.scores[model] !== 'number')) continue;
      const given = answers.get(row.id);
      const isAgreed = given[first] !== null && given[first] !== undefined && given[first] === given[second];
      const score = row.scores[isAgreed ? first : baseline];
      sums.n += 1;
      sums.score += score;
      sums.base += row.scores[baseline];
      sums.baseCost += cost(row, baseline);
      sums.cost += cost(row, first) + cost(row, second) + (isAgreed ? 0 : cost(row, baseline));
      if (isAgreed) {
        sums.accepted += 1;
        sums.right += score;
      }
    }
    const result = {
      quality: sums.score / sums.base,
      saved: 1 - sums.cost / sums.baseCost,
      accepted: sums.accepted / sums.n,
      right: sums.right / Math.max(1, sums.accepted),
    };
    results.push({ triple, ...result });
    if (position === 0 && (result.quality < 0.99 || result.saved < 0.3)) {
      missed.push(
        `agreement ${triple.join(' + ')}: ${result.quality.toFixed(3)}, saved ${result.saved.toFixed(2)}; goal ≥ 0.99, 0.3`,
      );
    }
    print(
      `agreement ${first} + ${second} → ${baseline}: quality ${result.quality.toFixed(3)}, saved ${(100 * result.saved).toFixed(0)} %, ` +
        `accepted ${(100 * result.accepted).toFixed(0)} %, right when accepted ${(100 * result.right).toFixed(0)} %\n`,
    );
  }
  return { missed, results };
}
