import { AppError } from '../../platform/errors/index.js';
import { parseAmount, perMillion, type PicoUsd } from '../../platform/money/index.js';

/** The price of one unit from a price per million, such as `"0.15"`.
 *  @throws AppError price_not_exact — the price of one would need a 13th decimal; invalid_value — no decimal amount ≥ 0 */
export function fromPerMillion(text: string, param = 'perMillion'): PicoUsd {
  const listed = readPrice(text, param);
  try {
    return perMillion(listed);
  } catch (error) {
    throw new AppError(
      'price_not_exact',
      `${param}: ${text} per million is no whole number of 10⁻¹² per unit. List at most six decimals.`,
      { cause: error, param },
    );
  }
}

/** A price as a decimal string. @throws AppError invalid_value — exponents, blanks, a sign, more than 12 decimals */
export function readPrice(text: string, param = 'amount'): PicoUsd {
  if (/^\d{1,16}(\.\d{1,12})?$/.test(text)) return parseAmount(text);
  throw new AppError('invalid_value', `${param}: ${text} is no decimal amount ≥ 0 with at most 12 decimals.`, {
    param,
  });
}
