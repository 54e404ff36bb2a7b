import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { CheckpointSigner } from '../../../src/audit/checkpoint-signer.js';
import { ExportRunner } from '../../../src/audit/export/export-runner.js';
import { ExportsService, LogProofs, type ExportJob, type ExportWish } from '../../../src/audit/index.js';
import { Sequencer } from '../../../src/audit/sequencer.js';
import { readPolicy } from '../../../src/audit/domain/policy.js';
import type { Trust } from '../../../src/audit/verifier/trust.js';
import { newId } from '../../../src/platform/ids/index.js';
import type { Principal } from '../../../src/platform/security/index.js';
import { anAttempt, anIntent, anOutcome, type Writer } from './audit-rig.js';

/** Somebody of an organisation who may do everything with bundles. */
export function anExporter(orgId: string): Principal {
  return { orgId, userId: newId() } as unknown as Principal;
}

/** Brings everything that is written into the tree and under a checkpoint. */
export async function settleTree(writer: Writer): Promise<void> {
  await writer.get(Sequencer).run();
  await writer.get(CheckpointSigner).sign();
  await writer.get(CheckpointSigner).seal();
}

/** Calls of two cases on two slots, with an administrative record between. */
export async function writeCases(writer: Writer, orgId: string, cases: readonly string[]): Promise<void> {
  for (const [at, caseId] of cases.entries()) {
    const requestId = newId();
    const slot = at % 2;
    const draft = {
      orgId,
      caseId,
      disclosures: [
        { class: 'o' as const, name: 'user', value: 'ann' },
        { class: 's' as const, name: 'case.id', value: `OP-${String(at)}` },
        { class: 's' as const, name: 'purpose', value: '=SUM(A1)' },
      ],
    };
    const intent = await writer.audit.prepare(anIntent(requestId, draft));
    const row = { requestId, intentId: intent.id, deadlineAtMs: 4_000_000_000_000, orgId };
    await writer.flush(slot, [intent], { before: (tx) => writer.audit.insertOpenIntents(tx, slot, [row]) });
    const ends = [
      await writer.audit.prepare({ ...anAttempt(requestId, orgId), caseId }),
      await writer.audit.prepare({ ...anOutcome(requestId, orgId), caseId }),
    ];
    await writer.flush(slot, ends, {
      before: async (tx) => {
        await writer.audit.takeOpenIntents(tx, [requestId]);
      },
    });
  }
}

/** Orders, makes, releases and downloads a bundle. */
export async function exportBundle(
  writer: Writer,
  orgId: string,
  wish: Partial<ExportWish> = {},
): Promise<{ readonly zip: Buffer; readonly job: ExportJob; readonly principal: Principal }> {
  const principal = anExporter(orgId);
  const exports = writer.get(ExportsService);
  const whole: ExportWish = {
    investigation: null,
    mode: 'range',
    fromMs: null,
    toMs: null,
    recipient: 'Court of Appeal',
    reason: 'disclosure to the defence, order 12/2026',
    legalBasis: null,
    ...wish,
  };
  const { id } = await exports.start(principal, whole, newId());
  while (await writer.get(ExportRunner).runNext());
  await exports.release(principal, id, { recipient: whole.recipient, reason: whole.reason });
  const { job, pieces } = await exports.content(principal, id, 0);
  const parts: Buffer[] = [];
  for await (const piece of pieces) parts.push(piece);
  return { zip: Buffer.concat(parts), job, principal };
}

/** Trust in an organisation's logs, got by another way than a bundle. */
export async function trustOf(
  writer: Writer,
  orgId: string,
): Promise<{ readonly trust: Trust; readonly text: string }> {
  const heads = await writer.get(LogProofs).heads(orgId);
  const text = `${heads.map(({ vkey }) => `log ${vkey ?? ''}`).join('\n')}\nquorum none\n`;
  return { trust: { policy: readPolicy(text), from: 'pinned' }, text };
}

/** Writes a trust folder. */
export function writeTrust(folder: string, text: string): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'policy.txt'), text);
  return folder;
}
