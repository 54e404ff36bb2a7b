import { AppError } from '../../platform/errors/index.js';
import { isUuid } from '../../platform/ids/index.js';

/** Documents that one request may name. */
export const MAX_EXHIBITS = 50;
const DIGEST = /^[0-9a-f]{64}$/;

/** A registered document that a request names as evidence. */
export interface Exhibit {
  readonly documentId: string;
  /** 64 lower-case hex digits. */
  readonly sha256: string;
  readonly bytes: number;
  readonly mediaType: string;
}

/** Names sorted by their kind, without duplicates. */
export interface ExhibitNames {
  readonly ids: readonly string[];
  readonly digests: readonly string[];
}

/** Splits the names of a request. Attacker-controlled. @throws AppError invalid_value — too many, or neither id nor SHA-256 */
export function readExhibitNames(names: readonly string[]): ExhibitNames {
  if (names.length > MAX_EXHIBITS) {
    throw new AppError('invalid_value', `aip.evidence.exhibits: at most ${String(MAX_EXHIBITS)} documents.`, {
      param: 'aip.evidence.exhibits',
    });
  }
  const lower = [...new Set(names.map((name) => name.toLowerCase()))];
  const wrong = lower.findIndex((name) => !isUuid(name) && !DIGEST.test(name));
  if (wrong >= 0) {
    throw new AppError(
      'invalid_value',
      'aip.evidence.exhibits: each must be a document id or the SHA-256 of its bytes.',
      {
        param: `aip.evidence.exhibits[${String(wrong)}]`,
      },
    );
  }
  return { ids: lower.filter(isUuid), digests: lower.filter((name) => DIGEST.test(name)) };
}

/** One exhibit per name, in the order of the names.
 *  @throws AppError investigation_forbidden — a name is no document of the charged investigation */
export function matchExhibits(names: ExhibitNames, linked: readonly Exhibit[]): readonly Exhibit[] {
  const byId = new Map(linked.map((one) => [one.documentId, one]));
  const byDigest = new Map(linked.map((one) => [one.sha256, one]));
  const found = [...names.ids.map((id) => byId.get(id)), ...names.digests.map((digest) => byDigest.get(digest))];
  const missing = found.filter((one) => one === undefined).length;
  if (missing > 0) {
    throw new AppError(
      'investigation_forbidden',
      `${String(missing)} of the named documents are not linked to the investigation of this call. Upload and link them first.`,
      { param: 'aip.evidence.exhibits' },
    );
  }
  return [...new Set(found.filter((one) => one !== undefined))];
}
