import { usageError } from './exit-codes.js';

const DURATION = /^(\d{1,5})(s|m)$/;

/** Seconds of `60s` or `5m`, from an option of this name. @throws CommandError when it is no duration within 1…`most` seconds */
export function secondsOf(
  text: string | boolean | undefined,
  { option, standard, most }: { readonly option: string; readonly standard: number; readonly most: number },
): number {
  if (text === undefined) return standard;
  const [, count, unit] = DURATION.exec(String(text)) ?? [];
  const seconds = Number(count) * (unit === 'm' ? 60 : 1);
  if (count === undefined || seconds < 1 || seconds > most)
    throw usageError(`--${option} takes a duration such as 60s or 5m, at most ${String(most)} s`);
  return seconds;
}
