import { betaQuantile } from './beta-quantile.js';

/** Verdicts after which an older one counts half. Source: routing page §4. */
export const HALF_LIFE = 500;
/** Share of what was measured that still counts for a new version of the upstream model. */
const NEW_VERSION_SHARE = 0.2;
const MOST_EVAL = 200;
/** One-sided level of both bounds. */
const LEVEL = 0.1;

/** Successes and failures, both ≥ 0; their sum is the mass of the evidence. */
export interface Evidence {
  readonly successes: number;
  readonly failures: number;
}

/** What is known of one model in one task, by source, so that each can be taken away. */
export interface QualityCell {
  /** Public figures. */
  readonly prior: Evidence;
  /** Newest run of an eval pack. */
  readonly evaluated: Evidence;
  /** Verdicts on served answers; old ones fade. */
  readonly live: Evidence;
}

/** The posterior of a cell. */
export interface QualityEstimate {
  readonly mean: number;
  /** The quality is above it with 90 %. */
  readonly lower: number;
  /** The quality is below it with 90 %. */
  readonly upper: number;
  /** Verdicts that it rests on, the prior included. */
  readonly mass: number;
}

const NONE: Evidence = { successes: 0, failures: 0 };

/** A cell that nothing is known about. */
export const EMPTY_CELL: QualityCell = { prior: NONE, evaluated: NONE, live: NONE };

/** A public figure 0…1 with the mass it is trusted with; replaces the prior. */
export function withPrior(cell: QualityCell, value: number, mass: number): QualityCell {
  return { ...cell, prior: { successes: value * mass, failures: (1 - value) * mass } };
}

/** A run of an eval pack: `n` answers with the mean score 0…1; replaces the run before. */
export function withEvaluation(cell: QualityCell, mean: number, n: number): QualityCell {
  const mass = Math.min(n, MOST_EVAL);
  return { ...cell, evaluated: { successes: mean * mass, failures: (1 - mean) * mass } };
}

/** A verdict 0…1 of weight ≥ 0 on a served answer. What was there fades by 2^(−weight ÷ {@link HALF_LIFE}). */
export function withVerdict(cell: QualityCell, score: number, weight: number): QualityCell {
  const kept = 2 ** (-weight / HALF_LIFE);
  const { successes, failures } = cell.live;
  return {
    ...cell,
    live: { successes: successes * kept + weight * score, failures: failures * kept + weight * (1 - score) },
  };
}

/** The cell of a new version of the upstream model: the prior stays, measurements count a fifth. */
export function ofNewVersion({ prior, evaluated, live }: QualityCell): QualityCell {
  const faded = ({ successes, failures }: Evidence): Evidence => ({
    successes: successes * NEW_VERSION_SHARE,
    failures: failures * NEW_VERSION_SHARE,
  });
  return { prior, evaluated: faded(evaluated), live: faded(live) };
}

/** Mean and 90 % bounds of the Beta posterior over a uniform prior. Costly: made when a cell changes, not per request. */
export function estimateCell({ prior, evaluated, live }: QualityCell): QualityEstimate {
  const successes = prior.successes + evaluated.successes + live.successes;
  const failures = prior.failures + evaluated.failures + live.failures;
  const [a, b] = [1 + successes, 1 + failures];
  return {
    mean: a / (a + b),
    lower: betaQuantile(LEVEL, a, b),
    upper: betaQuantile(1 - LEVEL, a, b),
    mass: successes + failures,
  };
}
