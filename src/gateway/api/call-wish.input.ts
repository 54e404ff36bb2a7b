import { z } from 'zod';

import { AppError } from '../../platform/errors/index.js';
import { parseInput } from '../../platform/http/index.js';
import { parseAmount } from '../../platform/money/index.js';
import { CRITICALITIES, TIERS } from '../../platform/security/index.js';
import type { CallWish, HeaderValues, RoutingWish } from '../domain/call-wish.js';

const reference = z.string().min(1).max(200);
const names = z.array(z.string().min(1).max(100)).max(50);
const money = z.string().regex(/^\d{1,16}(\.\d{1,12})? [A-Z]{3}$/, 'must look like "0.05 USD", at most 12 decimals');

const aipSchema = z.strictObject({
  investigation: reference.optional(),
  operation: reference.optional(),
  purpose: z.string().min(1).max(100).optional(),
  justification: z.string().min(8).max(500).optional(),
  criticality: z.enum(CRITICALITIES).optional(),
  onBehalfOf: reference.optional(),
  maxCost: money.optional(),
  classification: z.string().min(1).max(100).optional(),
  timeoutMs: z.int().min(1).max(600_000).optional(),
  metadata: z.enum(['none', 'cost', 'full']).optional(),
  routing: z
    .strictObject({
      task: z.string().min(1).max(40).optional(),
      tier: z.enum(TIERS).optional(),
      providersAllow: names.optional(),
      providersDeny: names.optional(),
      jurisdictions: names.optional(),
      requires: names.optional(),
      minContext: z.int().min(1).max(100_000_000).optional(),
    })
    .optional(),
  evidence: z
    .strictObject({
      legalBasis: z.string().min(1).max(500).optional(),
      exhibits: z.array(reference).max(50).optional(),
      subjects: z.array(reference).max(50).optional(),
      referenceDatabase: z.string().min(1).max(200).optional(),
    })
    .optional(),
});

type AipMember = z.output<typeof aipSchema>;

/** Header → where its value stands in the `aip` member. */
const HEADERS = {
  'aip-investigation': ['investigation'],
  'aip-operation': ['operation'],
  'aip-purpose': ['purpose'],
  'aip-task': ['routing', 'task'],
  'aip-tier': ['routing', 'tier'],
  'aip-criticality': ['criticality'],
  'aip-on-behalf-of': ['onBehalfOf'],
  'aip-max-cost': ['maxCost'],
  'aip-data-classification': ['classification'],
  'aip-timeout-ms': ['timeoutMs'],
  'aip-metadata': ['metadata'],
} as const satisfies Record<string, readonly string[]>;

function headerValue(name: string, raw: string | readonly string[]): string | number {
  if (typeof raw !== 'string') {
    throw new AppError('invalid_value', `Send ${name} once.`, { param: name });
  }
  return name === 'aip-timeout-ms' && /^\d{1,9}$/.test(raw) ? Number(raw) : raw;
}

/** Puts headers into the shape of the body member. @throws AppError invalid_value — header and body disagree */
function merge(headers: HeaderValues, body: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...body };
  for (const [name, [first, second]] of Object.entries(HEADERS) as [string, readonly [string, string?]][]) {
    const raw = headers[name];
    if (raw === undefined) continue;
    const value = headerValue(name, raw);
    const holder = second === undefined ? merged : { ...(merged[first] as Record<string, unknown> | undefined) };
    const key = second ?? first;
    const present = holder[key];
    if (present !== undefined && present !== value) {
      throw new AppError(
        'invalid_value',
        `The header ${name} and the body member aip.${[first, second].filter(Boolean).join('.')} disagree.`,
        {
          param: name,
        },
      );
    }
    holder[key] = value;
    if (second !== undefined) merged[first] = holder;
  }
  return merged;
}

const NOTHING: CallWish = Object.freeze({ metadata: 'none', routing: Object.freeze({}) });

function hasWishHeader(headers: HeaderValues): boolean {
  for (const name in HEADERS) if (headers[name] !== undefined) return true;
  return false;
}

/** Reads the caller's wishes. Attacker-controlled: every member is bounded.
 *  @throws AppError invalid_value — an unknown or malformed member, or header and body disagree */
export function readWish(headers: HeaderValues, aip: unknown): CallWish {
  if (aip === undefined && !hasWishHeader(headers)) return NOTHING;
  if (aip !== undefined && (typeof aip !== 'object' || aip === null || Array.isArray(aip))) {
    throw new AppError('invalid_value', 'aip must be an object.', { param: 'aip' });
  }
  const parsed = parseInput(aipSchema, merge(headers, (aip ?? {}) as Record<string, unknown>));
  return toWish(parsed);
}

function toWish({ maxCost, metadata, routing, ...rest }: AipMember): CallWish {
  const wish = { ...rest, metadata: metadata ?? 'none', routing: (routing ?? {}) as RoutingWish } as CallWish;
  if (maxCost === undefined) return wish;
  const [amount = '', currency = ''] = maxCost.split(' ');
  return { ...wish, maxCost: { amount: parseAmount(amount), currency } };
}
