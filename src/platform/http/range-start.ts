import { AppError } from '../errors/index.js';

const RANGE = /^bytes=(\d{1,15})-$/;

/** Where a download that broke off goes on: the first byte of `Range: bytes=N-`; 0 without the header.
 *  @throws AppError invalid_value — of another form */
export function rangeStart(range: string | undefined): number {
  if (range === undefined) return 0;
  const start = RANGE.exec(range)?.[1];
  if (start === undefined) throw new AppError('invalid_value', 'Range must be bytes=N-.', { param: 'Range' });
  return Number(start);
}
