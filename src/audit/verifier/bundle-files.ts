import { createHash } from 'node:crypto';

import { UNLISTED, type BundleFile, type BundleManifest } from '../domain/bundle.js';
import type { Findings } from '../domain/finding.js';
import type { BundleSource } from './bundle-source.js';

/** Holds the files of a bundle against its manifest: the list, the lengths, three digests each. `prefix`: the bundle's folder. */
export async function checkFiles(
  source: BundleSource,
  prefix: string,
  manifest: BundleManifest,
  findings: Findings,
): Promise<void> {
  const listed = new Set(manifest.files.map(({ path }) => path));
  if (listed.size !== manifest.files.length) findings.add('E_MANIFEST', 'a file is listed twice');
  for (const name of source.files.keys()) {
    if (!name.startsWith(prefix)) continue;
    const path = name.slice(prefix.length);
    if (!listed.has(path) && !UNLISTED.includes(path)) findings.add('E_MANIFEST', `${path}: not listed`);
  }
  for (const file of manifest.files) await checkFile(source, prefix, file, findings);
}

async function checkFile(source: BundleSource, prefix: string, file: BundleFile, findings: Findings): Promise<void> {
  if (UNLISTED.includes(file.path) || !source.files.has(prefix + file.path)) {
    findings.add('E_MANIFEST', `${file.path}: missing`);
    return;
  }
  const digests = (['sha256', 'sha512', 'sha3-256'] as const).map((name) => createHash(name));
  let bytes = 0;
  for await (const piece of source.read(prefix + file.path)) {
    bytes += piece.length;
    for (const digest of digests) digest.update(piece);
  }
  const [sha256, sha512, sha3] = digests.map((digest) => digest.digest('hex'));
  if (bytes !== file.bytes || sha256 !== file.sha256 || sha512 !== file.sha512 || sha3 !== file.sha3)
    findings.add('E_MANIFEST', `${file.path}: other bytes than listed`);
}
