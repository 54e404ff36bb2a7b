import { createPrivateKey, createPublicKey } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';

import type { AuditConfig } from '../platform/config/index.js';
import { readSecret } from '../platform/secrets/index.js';
import { readManifest } from './domain/bundle.js';
import { rawPublicKey, readVerifierKey } from './domain/note-key.js';
import { readPolicy } from './domain/policy.js';
import { openBundle, readWhole } from './verifier/bundle-source.js';
import { NO_TRUST, type Trust } from './verifier/trust.js';

const MAX_MANIFEST = 64 * 1024 * 1024;

/** Trust in those keys of a bundle that are this installation's own; needs no database. Nobody's when none is. */
export async function installationTrust({ keyDir }: AuditConfig, bundle: string): Promise<Trust> {
  const files = existsSync(keyDir) ? readdirSync(keyDir).filter((name) => name.endsWith('.pem')) : [];
  const own = new Set(
    files.map((name) =>
      rawPublicKey(createPublicKey(createPrivateKey(readSecret(path.join(keyDir, name))))).toString('hex'),
    ),
  );
  const mine = (await keysOf(bundle)).filter((vkey) => {
    const key = readVerifierKey(vkey);
    return key?.kind === 'note' && own.has(rawPublicKey(key.publicKey).toString('hex'));
  });
  if (mine.length === 0) return NO_TRUST;
  return { policy: readPolicy(mine.map((vkey) => `log ${vkey}\n`).join('')), from: 'a key of this installation' };
}

/** The verifier keys that a bundle names. */
async function keysOf(bundle: string): Promise<readonly string[]> {
  const source = openBundle(bundle);
  try {
    const keys: string[] = [];
    for (const name of source.files.keys()) {
      if (!/^(?:[^/]+\/)?manifest\.json$/.test(name)) continue;
      keys.push(...(readManifest((await readWhole(source, name, MAX_MANIFEST)) ?? Buffer.alloc(0))?.keys ?? []));
    }
    return keys;
  } finally {
    source.close();
  }
}
