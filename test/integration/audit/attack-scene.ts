import { createPrivateKey, createPublicKey } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { rawPublicKey, verifierKey } from '../../../src/audit/domain/note-key.js';
import { readPolicy } from '../../../src/audit/domain/policy.js';
import { LogProofs } from '../../../src/audit/index.js';
import { KeyRing } from '../../../src/audit/key-ring.js';
import { openBundle } from '../../../src/audit/verifier/bundle-source.js';
import type { BundleVerdict } from '../../../src/audit/verifier/bundle-verdict.js';
import { SeenCheckpoints, type Trust } from '../../../src/audit/verifier/trust.js';
import { verifyBundle } from '../../../src/audit/verifier/verify-bundle.js';
import { newId } from '../../../src/platform/ids/index.js';
import { builtVerifier } from '../../support/built-verifier.js';
import { AuditRig, type Writer } from './audit-rig.js';
import { exportBundle, settleTree, writeCases } from './bundle-rig.js';
import { ForgedBundle } from './forged-bundle.js';

const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const NOW_MS = Date.parse('2026-12-01T00:00:00Z');

/** An Ed25519 key that is not the log's. */
export const STRANGER = createPrivateKey({
  key: Buffer.concat([PKCS8, Buffer.alloc(32, 9)]),
  format: 'der',
  type: 'pkcs8',
});
/** Its verifier key as a witness. */
export const WITNESS = verifierKey('witness.example', rawPublicKey(createPublicKey(STRANGER)), 'cosignature');

interface JudgeOptions {
  readonly trust?: Trust;
  /** Folder of remembered checkpoints. */
  readonly state?: string;
}

/** Two bundles of one case, the older one from before the newer one's last records, and one of another organisation. */
export class AttackScene {
  private constructor(
    private readonly rig: AuditRig,
    private readonly writer: Writer,
    readonly origin: string,
    private readonly logKey: string,
    readonly whole: ForgedBundle,
    readonly older: ForgedBundle,
    readonly foreign: ForgedBundle,
  ) {}

  static async start(): Promise<AttackScene> {
    const rig = await AuditRig.start();
    await builtVerifier();
    const writer = await rig.writer();
    const [orgId, other, alder, birch] = [newId(), newId(), newId(), newId()];
    await writer.audit.ready(orgId);
    await writeCases(writer, orgId, [alder, birch, alder]);
    await settleTree(writer);
    const older = await bundleOf(rig, writer, orgId, alder);
    await writeCases(writer, orgId, [birch, alder, alder]);
    await settleTree(writer);
    const whole = await bundleOf(rig, writer, orgId, alder);
    await writer.audit.ready(other);
    await writeCases(writer, other, [newId()]);
    await settleTree(writer);
    const foreign = await bundleOf(rig, writer, other, null);
    const [head] = await writer.get(LogProofs).heads(orgId);
    return new AttackScene(rig, writer, head?.origin ?? '', head?.vkey ?? '', whole, older, foreign);
  }

  stop(): Promise<void> {
    return this.rig.stop();
  }

  /** What the holder of the log's key can do. */
  readonly sign = (text: string): string => this.writer.get(KeyRing).open(this.origin).sign(text);

  /** Trust in the log, with more lines of a policy. */
  pinned(more = 'quorum none\n'): Trust {
    return { policy: readPolicy(`log ${this.logKey}\n${more}`), from: 'pinned' };
  }

  async judge(bundle: ForgedBundle, { trust = this.pinned(), state }: JudgeOptions = {}): Promise<BundleVerdict> {
    const [verdict] = await verifyBundle(bundle, { trust, seen: new SeenCheckpoints(state), nowMs: NOW_MS });
    if (verdict === undefined) throw new Error('no verdict');
    return verdict;
  }

  /** Codes of a bundle that must not pass; `passes` among them when it does. */
  async codes(bundle: ForgedBundle, options: JudgeOptions = {}): Promise<readonly string[]> {
    const { ok, counts } = await this.judge(bundle, options);
    return [...Object.keys(counts), ...(ok ? ['passes'] : [])];
  }

  /** A folder that remembers a bundle's newest checkpoint. */
  remembering(bundle: ForgedBundle): string {
    const folder = mkdtempSync(path.join(tmpdir(), 'aip-seen-'));
    const { to } = bundle.manifest().range;
    new SeenCheckpoints(folder).keep(this.origin, bundle.text(`checkpoints/${String(to)}`));
    return folder;
  }
}

async function bundleOf(
  rig: AuditRig,
  writer: Writer,
  orgId: string,
  investigation: string | null,
): Promise<ForgedBundle> {
  const file = path.join(rig.dataDir, `${newId()}.zip`);
  writeFileSync(file, (await exportBundle(writer, orgId, { investigation })).zip);
  const source = openBundle(file);
  const bundle = await ForgedBundle.of(source);
  source.close();
  return bundle;
}

/** Index of a record by its type, the `nth` of them. */
export function indexOf(bundle: ForgedBundle, type: string, nth = 0): number {
  const found = bundle.lines('entries.jsonl').flatMap((line, at) => (line.includes(`"type":"${type}"`) ? [at] : []));
  return found[nth] ?? -1;
}
