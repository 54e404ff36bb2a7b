import { BundleError } from './bundle-error.js';
import { openBundle } from './bundle-source.js';
import type { BundleVerdict } from './bundle-verdict.js';
import { SeenCheckpoints, type Trust } from './trust.js';
import { verifyBundle } from './verify-bundle.js';

/** Verifies a folder or zip file and remembers its checkpoints when everything is ok.
 *  @throws BundleError when it cannot be read at all; an error of the file system */
export async function verifyPath(
  file: string,
  options: {
    readonly trust: Trust;
    readonly state: string | undefined;
    readonly nowMs: number;
    readonly onProgress?: (records: number) => void;
  },
): Promise<readonly BundleVerdict[]> {
  const seen = new SeenCheckpoints(options.state);
  const source = openBundle(file);
  try {
    const verdicts = await verifyBundle(source, { ...options, seen });
    for (const { ok, origin, checkpoint } of verdicts) if (ok && checkpoint !== null) seen.keep(origin, checkpoint);
    return verdicts;
  } finally {
    source.close();
  }
}

/** Exit status of a verification: 0 ok, 1 a failure or a key that nobody trusts; with `strict` also a warning. */
export function exitStatusOf(verdicts: readonly BundleVerdict[], strict: boolean): 0 | 1 {
  return verdicts.every(({ ok, warned }) => ok && !(strict && warned)) ? 0 : 1;
}

/** True when nothing in the container could be judged. */
export function isUnreadable(error: unknown): boolean {
  return error instanceof BundleError;
}
