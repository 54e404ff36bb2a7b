import { createHmac } from 'node:crypto';

const TAG_BYTES = 16;

/** What a tag stands for. */
export type TagKind = 'user' | 'key' | 'system' | 'case';

/** A pseudonym that is linkable inside one log and meaningless outside. Base64url of 16 bytes.
 *  Source: evidence page §2.2. */
export function tagOf(tagKey: Uint8Array, kind: TagKind, id: string): string {
  const mac = createHmac('sha256', tagKey).update(kind).update('\0').update(id).digest();
  return mac.subarray(0, TAG_BYTES).toString('base64url');
}
