import { prevMember, type Heads } from './chain.js';

/** Version of the record format; fixes the algorithms: nothing is negotiated. */
export const FORMAT = 'aip-audit/1';

/** Upper bound of a core in bytes. Source: evidence page §2.1. */
export const MAX_CORE_BYTES = 32 * 1024;

/** The parts of a core that are known before its place in a lane. Each text is canonical already. */
export interface CoreParts {
  readonly id: string;
  readonly type: string;
  /** `["…","…"]`, sorted. */
  readonly sd: string;
  readonly actorTag: string | null;
  readonly caseTag: string | null;
  readonly cfg: string;
  readonly durability: 'strict' | 'relaxed';
  /** Canonical object. */
  readonly pub: string;
  readonly ref: string | null;
}

/** Where a core stands. */
export interface CorePlace {
  readonly log: string;
  readonly lane: string;
  readonly n: number;
  /** RFC 3339, UTC, six decimals. */
  readonly at: string;
  readonly heads: Heads;
  /** The newest checkpoint that the writer has seen: the record is not older. Canonical object; in the first record of a flush. */
  readonly cp?: string | undefined;
}

/** Writes a core: members in canonical order by construction (a property test holds it against the strict walker). */
export function writeCore(parts: CoreParts, place: CorePlace): string {
  const actor = parts.actorTag === null ? '' : `"actorTag":"${parts.actorTag}",`;
  const subject = parts.caseTag === null ? '' : `"caseTag":"${parts.caseTag}",`;
  const cp = place.cp === undefined ? '' : `"cp":${place.cp},`;
  const ref = parts.ref === null ? '' : `"ref":"${parts.ref}",`;
  return (
    `{"_sd":${parts.sd},"_sd_alg":"sha-256",${actor}"at":"${place.at}",${subject}"cfg":"${parts.cfg}",` +
    `${cp}"dur":"${parts.durability}","id":"${parts.id}","lane":"${place.lane}","log":"${place.log}","n":${String(place.n)},` +
    `"prev":${prevMember(place.heads)},"pub":${parts.pub},${ref}"type":"${parts.type}","v":"${FORMAT}"}`
  );
}
