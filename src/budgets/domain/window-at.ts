import type { Period } from './budget.js';
import { civilDay, civilDayAt, startOfDayMs, type CivilDay } from './zone.js';

/** A stretch of time: start inclusive, end exclusive. */
export interface Window {
  readonly startsAtMs: number;
  readonly endsAtMs: number;
}

/** What decides the windows of a limit. */
export interface WindowRule {
  readonly period: Period;
  /** IANA zone. */
  readonly timeZone: string;
  /** 1 Monday … 7 Sunday. */
  readonly weekStart: number;
  readonly custom: Window | null;
}

/** Window of limits that never end. */
const LIFETIME: Window = { startsAtMs: 0, endsAtMs: Date.UTC(9999, 0, 1) };

/** The window an instant lies in; `undefined` outside a custom one. Local midnight to local midnight, so that a day can
 *  have 23 or 25 hours; the windows of a zone tile time without gap or overlap. Source: money page §3. */
export function windowAt(rule: WindowRule, atMs: number): Window | undefined {
  if (rule.period === 'LIFETIME') return LIFETIME;
  if (rule.period === 'CUSTOM') return customAt(rule.custom, atMs);
  let first = firstDay(rule, civilDayAt(rule.timeZone, atMs));
  let startsAtMs = startOfDayMs(rule.timeZone, first);
  // A clock set back over midnight shows the day before once more: the window goes by its start, not by the clock.
  if (atMs < startsAtMs) {
    first = firstDay(rule, civilDay(first.year, first.month, first.day - 1));
    startsAtMs = startOfDayMs(rule.timeZone, first);
  }
  let endsAtMs = startOfDayMs(rule.timeZone, nextFirst(rule, first));
  while (atMs >= endsAtMs) {
    first = nextFirst(rule, first);
    startsAtMs = endsAtMs;
    endsAtMs = startOfDayMs(rule.timeZone, nextFirst(rule, first));
  }
  return { startsAtMs, endsAtMs };
}

function customAt(custom: Window | null, atMs: number): Window | undefined {
  return custom !== null && custom.startsAtMs <= atMs && atMs < custom.endsAtMs ? custom : undefined;
}

function firstDay({ period, weekStart }: WindowRule, { year, month, day }: CivilDay): CivilDay {
  switch (period) {
    case 'DAY':
      return { year, month, day };
    case 'WEEK': {
      const weekday = new Date(Date.UTC(year, month - 1, day)).getUTCDay() || 7;
      return civilDay(year, month, day - ((weekday - weekStart + 7) % 7));
    }
    case 'MONTH':
      return { year, month, day: 1 };
    case 'QUARTER':
      return { year, month: month - ((month - 1) % 3), day: 1 };
    case 'YEAR':
    case 'LIFETIME':
    case 'CUSTOM':
      return { year, month: 1, day: 1 };
  }
}

function nextFirst({ period }: WindowRule, { year, month, day }: CivilDay): CivilDay {
  switch (period) {
    case 'DAY':
      return civilDay(year, month, day + 1);
    case 'WEEK':
      return civilDay(year, month, day + 7);
    case 'MONTH':
      return civilDay(year, month + 1, 1);
    case 'QUARTER':
      return civilDay(year, month + 3, 1);
    case 'YEAR':
    case 'LIFETIME':
    case 'CUSTOM':
      return civilDay(year + 1, 1, 1);
  }
}
