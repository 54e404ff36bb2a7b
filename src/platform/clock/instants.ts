/** RFC 3339, UTC, three decimals: `2026-11-22T15:00:00.123Z`. */
export function formatInstant(atMs: number): string {
  return new Date(atMs).toISOString();
}

/** RFC 3339, UTC, six decimals, as audit cores write it: `2026-11-22T15:00:00.123456Z`. */
export function formatMicros(atMicros: number): string {
  const seconds = Math.floor(atMicros / 1_000_000);
  const rest = String(atMicros - seconds * 1_000_000).padStart(6, '0');
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${rest}Z`;
}
