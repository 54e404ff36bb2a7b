/** Splits `amount` over `weights`: each share is at most one unit from its exact part, and the shares sum to `amount`, always. Units
 *  left over by rounding down go to the largest remainders, of equal ones to the first. Weights are ≥ 0; when all are 0 every share
 *  weighs the same. The sign of `amount` is that of every share. @throws RangeError — there is nothing to split over */
export function splitByWeight(amount: bigint, weights: readonly bigint[]): readonly bigint[] {
  if (weights.length === 0) throw new RangeError('Nothing to split over');
  if (weights.some((weight) => weight < 0n)) throw new RangeError('A weight is not negative');
  const total = weights.reduce((sum, weight) => sum + weight, 0n);
  if (total === 0n)
    return splitByWeight(
      amount,
      weights.map(() => 1n),
    );
  const sign = amount < 0n ? -1n : 1n;
  const whole = amount * sign;
  const shares = weights.map((weight) => (whole * weight) / total);
  const left = Number(whole - shares.reduce((sum, share) => sum + share, 0n));
  const byRemainder = weights
    .map((weight, index) => ({ index, remainder: (whole * weight) % total }))
    .sort((a, b) => (a.remainder === b.remainder ? a.index - b.index : a.remainder > b.remainder ? -1 : 1));
  for (const { index } of byRemainder.slice(0, left)) shares[index] = (shares[index] ?? 0n) + 1n;
  return shares.map((share) => share * sign);
}
