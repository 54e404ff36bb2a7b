import { trainHead, type JudgedPrompt } from './quality-head.js';

/** What a head says of each row when it was trained on the other folds only. Row `i` belongs to fold `i mod folds`: rows of one
 *  prompt are to have one position. */
export function outOfFold(rows: readonly JudgedPrompt[], folds: number): Float64Array {
  const predicted = new Float64Array(rows.length);
  for (let fold = 0; fold < folds; fold += 1) {
    const others = rows.filter((_, index) => index % folds !== fold);
    if (others.length === 0) continue;
    const head = trainHead(others);
    for (let i = fold; i < rows.length; i += folds) {
      const row = rows[i];
      if (row !== undefined) predicted[i] = head.predict(row.features, row.task);
    }
  }
  return predicted;
}
