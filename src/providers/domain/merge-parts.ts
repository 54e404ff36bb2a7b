import { addUsage } from '../adapters/usage.js';
import type { AttemptRecord, UsageSource } from './attempt.js';

const PART_ORDER = ['yes', 'maybe', 'no'] as const;

type Merged = Pick<
  AttemptRecord,
  'billed' | 'usage' | 'usageSource' | 'unreported' | 'inputTimes' | 'ttftMs' | 'answeredModel' | 'billedTier'
>;

/** What several ended requests that make up one attempt come to: reports are added, and what no report covers is told apart. */
export function mergeParts(parts: readonly AttemptRecord[]): Merged {
  const reports = parts.flatMap(({ usage }) => (usage === null ? [] : [usage]));
  const open = parts.filter(({ usage, usageSource }) => usage === null && usageSource !== 'none');
  const billed = PART_ORDER.find((state) => parts.some((part) => part.billed === state)) ?? 'no';
  const ttfts = parts.flatMap(({ ttftMs }) => ttftMs ?? []);
  return {
    billed,
    usage: reports.length === 0 ? null : reports.reduce(addUsage),
    usageSource: sourceOf(open, reports.length > 0),
    unreported:
      reports.length === 0 || open.length === 0
        ? null
        : { inputTimes: open.length, received: addReceived(open.map(({ received }) => received)) },
    inputTimes: reports.length + open.length,
    ttftMs: ttfts.length === 0 ? null : Math.min(...ttfts),
    answeredModel: parts.find(({ answeredModel }) => answeredModel !== null)?.answeredModel ?? null,
    billedTier: parts.find(({ billedTier }) => billedTier !== null)?.billedTier ?? null,
  };
}

/** Bytes of all parts together. */
export function addReceived(parts: readonly AttemptRecord['received'][]): AttemptRecord['received'] {
  return {
    textBytes: parts.reduce((total, { textBytes }) => total + textBytes, 0),
    reasoningBytes: parts.reduce((total, { reasoningBytes }) => total + reasoningBytes, 0),
  };
}

/** The weakest source speaks for the whole. */
function sourceOf(open: readonly AttemptRecord[], reported: boolean): UsageSource {
  if (open.some(({ usageSource }) => usageSource === 'counted')) return 'counted';
  if (open.length > 0) return 'estimated';
  return reported ? 'reported' : 'none';
}
