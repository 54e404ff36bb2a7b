import { FORMAT } from './domain/core.js';
import type { Disclosure } from './domain/commitment.js';
import type { Heads } from './domain/chain.js';
import type { ChangeDraft, RecordDraft } from './record-draft.js';

const SYSTEM = { kind: 'system', id: 'system' } as const;

/** Which software and configuration write a log. */
export interface WriterFacts {
  readonly software: string;
  /** SHA-256 of the configuration snapshot in force. */
  readonly config: string;
  readonly content: 'store' | 'digest';
  readonly durability: 'strict' | 'relaxed';
}

/** The first records of a log: its key, and what writes it. */
export function genesisDrafts(
  log: { readonly orgId: string; readonly vkey: string },
  predecessorOrigin: string | undefined,
  facts: WriterFacts,
): readonly RecordDraft[] {
  const subject = { orgId: log.orgId, actor: SYSTEM, caseId: null };
  const before =
    predecessorOrigin === undefined
      ? { reason: 'first' }
      : { reason: 'period', predecessor: { origin: predecessorOrigin } };
  return [
    { type: 'log.genesis', ...subject, pub: { format: FORMAT, vkey: log.vkey, ...before } },
    { type: 'log.config', ...subject, pub: { ...facts, node: process.version } },
  ];
}

/** The first record of a lane. */
export function openingDraft(
  orgId: string,
  lane: { readonly lane: string; readonly replica: string; readonly boot: string; readonly software: string },
): RecordDraft {
  return { type: 'lane.open', orgId, actor: SYSTEM, caseId: null, pub: { ...lane } };
}

/** The record that ends a lane: `drain` by its writer, as its last record; `lease` by another, on a control lane. */
export function closingDraft(
  orgId: string,
  closed: { readonly lane: string; readonly n: number; readonly heads: Heads },
  reason: 'lease' | 'drain',
): RecordDraft {
  const { lane, n, heads } = closed;
  return {
    type: 'lane.close',
    orgId,
    actor: SYSTEM,
    caseId: null,
    pub: { heads: { sha256: heads.sha256, 'sha3-256': heads.sha3, sha512: heads.sha512 }, lane, n, reason },
  };
}

/** The record of an administrative change: who and the values are commitments, what kind of thing changed is public. */
export function changeDraft(change: ChangeDraft): RecordDraft {
  const { principal, object } = change;
  const orgId = change.orgId ?? principal?.orgId;
  if (orgId === undefined) throw new Error('A change without a principal must name its organisation');
  return {
    type: change.type,
    orgId,
    actor: principal === null ? SYSTEM : { kind: 'user', id: principal.userId },
    caseId: change.caseId ?? null,
    pub: {
      fields: [...change.fields],
      id: object.id,
      kind: object.kind,
      ...(object.version === undefined ? {} : { version: object.version }),
    },
    disclosures: changeDisclosures(change),
  };
}

/** Every change says who made it: a vault without a name was tampered with. */
function changeDisclosures({ principal, old, new: current, reason }: ChangeDraft): readonly Disclosure[] {
  const disclosures: Disclosure[] = [{ class: 'o', name: 'user', value: principal?.userId ?? SYSTEM.id }];
  if (principal !== null) disclosures.push({ class: 'o', name: 'session', value: principal.credential.id });
  if (old !== undefined) disclosures.push({ class: 's', name: 'change.old', value: old });
  if (current !== undefined) disclosures.push({ class: 's', name: 'change.new', value: current });
  if (reason !== undefined) disclosures.push({ class: 's', name: 'reason', value: reason });
  return disclosures;
}
