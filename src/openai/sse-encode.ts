/** The event that ends a complete stream. */
export const DONE: Uint8Array = Buffer.from('data: [DONE]\n\n');

/** One event with one `data` line. `json` is JSON text, which has no line breaks. */
export function encodeSseData(json: string): Buffer {
  return Buffer.from(`data: ${json}\n\n`);
}
