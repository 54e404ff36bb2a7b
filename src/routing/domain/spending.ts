/** Units used up to a moment. */
export interface Spending {
  readonly atMs: number;
  readonly units: number;
}

/** Entries one limit keeps: enough to tell the parts of a window apart, and a bound. */
const MAX_ENTRIES = 64;

/** Adds to the end of the list. Entries of one slice of `sliceMs` become one, dated by its start; the two oldest of a full list
 *  become one, dated by the later of them, so that nothing is forgotten early. */
export function addSpending(list: readonly Spending[], entry: Spending, sliceMs: number): readonly Spending[] {
  const last = list.at(-1);
  if (last !== undefined && entry.atMs - last.atMs < sliceMs) {
    // The start of the slice dates it, or a steady stream would push one entry ahead for ever.
    return [...list.slice(0, -1), { atMs: last.atMs, units: last.units + entry.units }];
  }
  const [first, second, ...rest] = list;
  if (list.length < MAX_ENTRIES || first === undefined || second === undefined) return [...list, entry];
  return [{ atMs: second.atMs, units: first.units + second.units }, ...rest, entry];
}

/** What was used after `atMs`; the same list when that is all of it. */
export function dropOlder(list: readonly Spending[], atMs: number): readonly Spending[] {
  const index = list.findIndex((entry) => entry.atMs > atMs);
  if (index === 0 || list.length === 0) return list;
  return index < 0 ? [] : list.slice(index);
}

/** All of it. */
export function sumSpending(list: readonly Spending[]): number {
  let units = 0;
  for (const entry of list) units += entry.units;
  return units;
}
