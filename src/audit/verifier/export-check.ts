import type { BundleManifest } from '../domain/bundle.js';
import type { JsonObject, JsonValue } from '../domain/canonical.js';
import { headsOf, leafHash } from '../domain/chain.js';
import { readCore, type ReadCore } from '../domain/core-check.js';
import type { Findings } from '../domain/finding.js';
import { verifyConsistency, verifyInclusion } from '../domain/merkle.js';
import { readHashLines, readProof } from '../domain/proof.js';
import { readWhole, type BundleSource } from './bundle-source.js';
import type { CheckedCheckpoint, NotesCheck } from './notes-check.js';

const MAX_BYTES = 256 * 1024;
const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What was found about the record that signs the manifest. */
export interface ExportFacts {
  readonly at: string;
  readonly checkpoint: CheckedCheckpoint | undefined;
}

/** The log signs the manifest: `export.created` names its three digests and stands in the tree, under a checkpoint that
 *  continues the range's. */
export async function checkExport(
  bundle: { readonly source: BundleSource; readonly prefix: string; readonly manifest: BundleManifest },
  notes: NotesCheck,
  last: CheckedCheckpoint | undefined,
  findings: Findings,
): Promise<ExportFacts | undefined> {
  const { source, prefix, manifest } = bundle;
  const [bytes, proofText, manifestBytes, between] = await Promise.all(
    ['export/record.json', 'export/record.tlog-proof', 'manifest.json', 'export/consistency.proof'].map((name) =>
      readWhole(source, prefix + name, name === 'manifest.json' ? 64 * 1024 * 1024 : MAX_BYTES),
    ),
  );
  const core = bytes === undefined ? undefined : readCore(bytes);
  if (bytes === undefined || typeof core !== 'object' || core.type !== 'export.created') {
    findings.add('E_MANIFEST', 'export/record.json: no record of this export');
    return undefined;
  }
  if (!namesManifest(core, manifest.origin, manifestBytes ?? Buffer.alloc(0)))
    findings.add('E_MANIFEST', 'export/record.json: of another manifest');
  const proof = readProof((proofText ?? '').toString('utf8'));
  if (proof === undefined) {
    findings.add('E_PROOF', 'export/record.tlog-proof');
    return { at: core.at, checkpoint: undefined };
  }
  const checkpoint = notes.checkpoint(proof.checkpoint, core.log, 'export/record.tlog-proof');
  if (checkpoint === undefined) return { at: core.at, checkpoint };
  const { size, root } = checkpoint;
  if (!verifyInclusion({ index: proof.index, leaf: leafHash(bytes), proof: proof.hashes, size, root }))
    findings.add('E_PROOF', 'export/record.tlog-proof: leads elsewhere');
  checkContinuity(checkpoint, last, between, findings);
  return { at: core.at, checkpoint };
}

/** Whether the record names the three digests of a log's manifest. */
function namesManifest({ pub }: ReadCore, origin: string, manifest: Buffer): boolean {
  const listed = Array.isArray(pub['manifests']) ? (pub['manifests'] as readonly JsonValue[]) : [];
  const { sha256, sha512, sha3 } = headsOf(manifest);
  const wanted = { origin, sha256, 'sha3-256': sha3, sha512 };
  return listed.some((one) => isObject(one) && Object.entries(wanted).every(([name, value]) => one[name] === value));
}

function checkContinuity(
  now: CheckedCheckpoint,
  last: CheckedCheckpoint | undefined,
  between: Buffer | undefined,
  findings: Findings,
): void {
  // The record of an export of a closed log stands in its successor.
  if (last?.origin !== now.origin) return;
  const proof = between === undefined ? undefined : readHashLines(between.toString('utf8'));
  const holds =
    proof !== undefined &&
    verifyConsistency({ old: last.size, size: now.size, oldRoot: last.root, root: now.root, proof });
  if (!holds) findings.add('E_PROOF', 'export/consistency.proof');
}
