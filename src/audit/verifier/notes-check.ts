import { readCheckpoint, type Checkpoint } from '../domain/checkpoint.js';
import type { Findings } from '../domain/finding.js';
import { openNote, readNote } from '../domain/note.js';
import { readVerifierKey, type GoodSignature, type NoteKey } from '../domain/note-key.js';
import type { Policy } from '../domain/policy.js';

/** A checkpoint whose signature holds. */
export interface CheckedCheckpoint extends Checkpoint {
  readonly note: string;
  /** The log's key is one that the policy trusts. */
  readonly isTrusted: boolean;
  /** Witnesses of the policy that signed, and when the first of them did. */
  readonly witnesses: readonly GoodSignature[];
}

/** Opens the notes of a bundle: under the keys it names itself for integrity, under those of the policy for trust. */
export class NotesCheck {
  readonly #keys: readonly NoteKey[];
  readonly #trusted: ReadonlySet<string>;

  /** `named`: verifier keys that the bundle names. */
  constructor(
    named: readonly string[],
    private readonly policy: Policy | undefined,
    private readonly findings: Findings,
  ) {
    const known = [...(policy?.logs ?? []), ...(policy?.witnesses ?? [])];
    this.#trusted = new Set(known.map(({ vkey }) => vkey));
    const own = named.filter((vkey) => !this.#trusted.has(vkey)).map((vkey) => readVerifierKey(vkey));
    if (own.includes(undefined)) findings.add('E_MANIFEST', 'keys: not a verifier key');
    this.#keys = [...known, ...own.filter((key) => key !== undefined)];
  }

  /** Opens a note of one log and returns its text; undefined after a finding. */
  open(note: string, origin: string, where: string): { text: string; good: readonly GoodSignature[] } | undefined {
    const opened = openNote(note, this.#keys);
    if (typeof opened === 'string') {
      this.findings.add(opened, where);
      return undefined;
    }
    // The bundle names whoever signed its notes: a line of somebody else was put there later.
    for (const line of opened.unknown)
      this.findings.add('E_NOTE', `${where}: line of the unnamed key ${line.name.slice(0, 80)}`);
    const signer = opened.good.find(({ key }) => key.kind === 'note');
    if (signer === undefined) {
      this.findings.add('E_SIG', `${where}: not signed by its log`);
      return undefined;
    }
    if (signer.key.name !== origin) {
      this.findings.add('E_KEY_EPOCH', `${where}: signed with the key of ${signer.key.name}`);
      return undefined;
    }
    return { text: opened.text, good: opened.good };
  }

  /** Opens a checkpoint of one log; undefined after a finding. */
  checkpoint(note: string, origin: string, where: string): CheckedCheckpoint | undefined {
    const claimed = readCheckpoint(readNote(note)?.text ?? '')?.origin;
    const opened = this.open(note, claimed ?? origin, where);
    const checkpoint = opened === undefined ? undefined : readCheckpoint(opened.text);
    if (opened === undefined) return undefined;
    if (checkpoint === undefined) {
      this.findings.add('E_NOTE', where);
      return undefined;
    }
    if (checkpoint.origin !== origin) {
      this.findings.add('E_ORIGIN', `${where}: checkpoint of ${checkpoint.origin.slice(0, 80)}`);
      return undefined;
    }
    const isTrusted = opened.good.some(({ key }) => key.kind === 'note' && this.#trusted.has(key.vkey));
    if (this.policy !== undefined && !isTrusted) this.findings.add('E_UNTRUSTED_KEY', where);
    const witnesses = opened.good.filter(({ key }) => key.kind === 'cosignature' && this.#trusted.has(key.vkey));
    return { ...checkpoint, note, isTrusted, witnesses };
  }
}
