const SIZE = /^(?:0|[1-9]\d{0,15})$/;
const ROOT_BYTES = 32;

/** The state of a log: how many records it has and the root of their tree. */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  /** 32 bytes. */
  readonly root: Buffer;
}

/** The note text of a checkpoint: three lines. Source: C2SP tlog-checkpoint. */
export function checkpointText({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${String(size)}\n${root.toString('base64')}\n`;
}

/** Reads a checkpoint's text; undefined when it is not written as {@link checkpointText} does: no leading zero, no extension
 *  line, no other base64. Attacker-controlled; never throws. */
export function readCheckpoint(text: string): Checkpoint | undefined {
  const [origin = '', size = '', encoded = ''] = text.split('\n');
  if (origin === '' || !SIZE.test(size) || !Number.isSafeInteger(Number(size))) return undefined;
  const root = Buffer.from(encoded, 'base64');
  const checkpoint = { origin, size: Number(size), root };
  return root.length === ROOT_BYTES && checkpointText(checkpoint) === text ? checkpoint : undefined;
}
