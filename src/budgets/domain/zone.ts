const HOUR_MS = 3_600_000;
const formatters = new Map<string, Intl.DateTimeFormat>();

/** A calendar day of some zone. `month` 1…12. */
export interface CivilDay {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

/** True for an IANA zone that this runtime knows. */
export function isTimeZone(name: string): boolean {
  try {
    formatterOf(name);
    return true;
  } catch {
    return false;
  }
}

function formatterOf(zone: string): Intl.DateTimeFormat {
  const known = formatters.get(zone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat('en-US-u-ca-gregory-hc-h23', {
    timeZone: zone,
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  formatters.set(zone, made);
  return made;
}

/** Local wall time as if it were UTC, in milliseconds; `atMs` is cut to a second. */
function wallMs(zone: string, atMs: number): number {
  const fields: Record<string, number> = {};
  for (const { type, value } of formatterOf(zone).formatToParts(atMs)) fields[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = fields;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

function offsetMs(zone: string, atMs: number): number {
  return wallMs(zone, atMs) - Math.floor(atMs / 1000) * 1000;
}

/** The calendar day that clocks of the zone show. */
export function civilDayAt(zone: string, atMs: number): CivilDay {
  const wall = new Date(wallMs(zone, atMs));
  return { year: wall.getUTCFullYear(), month: wall.getUTCMonth() + 1, day: wall.getUTCDate() };
}

/** The day some days after another; overflowing days and months roll on. */
export function civilDay(year: number, month: number, day: number): CivilDay {
  const at = new Date(Date.UTC(year, month - 1, day));
  return { year: at.getUTCFullYear(), month: at.getUTCMonth() + 1, day: at.getUTCDate() };
}

/** First instant of a local day: its first midnight, or, where clocks skip midnight, the first instant after the gap.
 *  Days follow each other without gap or overlap, whatever the zone does. */
export function startOfDayMs(zone: string, { year, month, day }: CivilDay): number {
  const wall = Date.UTC(year, month - 1, day);
  // Offsets lie between −12 and +14 hours: the midnight looked for is inside, whichever offset holds.
  let before = wall - 16 * HOUR_MS;
  let after = wall + 14 * HOUR_MS;
  const offsetBefore = offsetMs(zone, before);
  const offsetAfter = offsetMs(zone, after);
  if (offsetBefore === offsetAfter) return wall - offsetBefore;
  while (after - before > 1000) {
    const middle = Math.floor((before + after) / 2000) * 1000;
    if (offsetMs(zone, middle) === offsetBefore) before = middle;
    else after = middle;
  }
  const changedAt = after;
  const first = wall - offsetBefore;
  return first < changedAt ? first : Math.max(changedAt, wall - offsetAfter);
}
