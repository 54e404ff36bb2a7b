/** The half-year of an instant: `2026h2`. UTC. */
export function halfYearOf(atMs: number): string {
  const date = new Date(atMs);
  return `${String(date.getUTCFullYear())}h${date.getUTCMonth() < 6 ? '1' : '2'}`;
}

/** The quarter of an instant: `2026q4`. UTC. */
export function quarterOf(atMs: number): string {
  const date = new Date(atMs);
  return `${String(date.getUTCFullYear())}q${String(Math.floor(date.getUTCMonth() / 3) + 1)}`;
}

/** First day of an instant's month: `2026-11-01`. UTC. */
export function monthOf(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 7)}-01`;
}

/** First day of the month after `month`. */
export function nextMonth(month: string): string {
  const date = new Date(`${month}T00:00:00Z`);
  return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1)).toISOString().slice(0, 10);
}

/** First day of the month before `month`. */
export function previousMonth(month: string): string {
  const date = new Date(`${month}T00:00:00Z`);
  return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() - 1, 1)).toISOString().slice(0, 10);
}
