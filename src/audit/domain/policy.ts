import { readVerifierKey, type NoteKey } from './note-key.js';

const MAX_LINES = 10_000;
const NAME = /^[^\s+]{1,255}$/;

/** Whom a verifier trusts: logs, witnesses, and how many witnesses must have signed. */
export interface Policy {
  readonly logs: readonly NoteKey[];
  readonly witnesses: readonly (NoteKey & { readonly url: string | undefined })[];
  /** Witnesses that signed → whether they suffice. */
  isQuorum(signed: ReadonlySet<NoteKey>): boolean;
  /** Null: no witness is asked for. */
  readonly quorum: string | null;
}

/** A policy file is not of the form of C2SP tlog-policy; the message names the line. */
export class PolicyError extends Error {
  override readonly name = 'PolicyError';
}

type Signed = ReadonlySet<NoteKey>;
type Rule = (signed: Signed) => boolean;

/** A policy while it is read. */
class PolicyReader {
  readonly logs: NoteKey[] = [];
  readonly witnesses: (NoteKey & { readonly url: string | undefined })[] = [];
  readonly rules = new Map<string, Rule>();
  quorum: string | undefined;

  /** Takes a line; returns what is wrong with it. */
  take([word = '', ...rest]: readonly string[]): string | undefined {
    if (word === 'log') return this.#log(rest);
    if (word === 'witness') return this.#witness(rest);
    if (word === 'group') return this.#group(rest);
    if (word !== 'quorum' || this.quorum !== undefined) return `unknown or repeated word ${word.slice(0, 32)}`;
    this.quorum = rest[0];
    return rest[0] === undefined ? 'no name' : undefined;
  }

  #log([vkey]: readonly string[]): string | undefined {
    const key = keyOf(vkey, 'note');
    if (key === undefined) return 'not the key of a log';
    this.logs.push(key);
    return undefined;
  }

  #witness([wanted, vkey, url]: readonly string[]): string | undefined {
    const name = nameOf(wanted, this.rules);
    const key = keyOf(vkey, 'cosignature');
    if (name === undefined) return 'a name that is malformed or taken';
    if (key === undefined) return 'not the key of a witness';
    this.witnesses.push({ ...key, url });
    this.rules.set(name, (signed) => [...signed].some((one) => one.vkey === key.vkey));
    return undefined;
  }

  #group([wanted, ...members]: readonly string[]): string | undefined {
    const name = nameOf(wanted, this.rules);
    const rule = groupOf(members, this.rules);
    if (name === undefined) return 'a name that is malformed or taken';
    if (rule === undefined) return 'not a threshold and known members';
    this.rules.set(name, rule);
    return undefined;
  }
}

/** Reads a policy file: `log`, `witness`, `group` and `quorum` lines, `#` comments. Source: C2SP tlog-policy.
 *  @throws PolicyError */
export function readPolicy(text: string): Policy {
  const reader = new PolicyReader();
  const lines = text.split('\n');
  if (lines.length > MAX_LINES) throw new PolicyError('The policy has too many lines');
  for (const [at, line] of lines.entries()) {
    const words = line.trim().split(/\s+/);
    const problem = words[0] === '' || words[0]?.startsWith('#') === true ? undefined : reader.take(words);
    if (problem !== undefined) throw new PolicyError(`Line ${String(at + 1)} of the policy: ${problem}`);
  }
  const quorum = reader.quorum ?? 'none';
  const { logs, witnesses } = reader;
  if (quorum === 'none') return { logs, witnesses, quorum: null, isQuorum: () => true };
  const rule = reader.rules.get(quorum);
  if (rule === undefined) throw new PolicyError('The quorum of the policy is not defined');
  return { logs, witnesses, quorum, isQuorum: rule };
}

function keyOf(vkey: string | undefined, kind: NoteKey['kind']): NoteKey | undefined {
  const key = readVerifierKey(vkey ?? '');
  return key?.kind === kind ? key : undefined;
}

function nameOf(name: string | undefined, taken: ReadonlyMap<string, Rule>): string | undefined {
  return name !== undefined && name !== 'none' && NAME.test(name) && !taken.has(name) ? name : undefined;
}

/** `k`, `any` or `all` of members that were defined before: no cycles. */
function groupOf([wanted, ...names]: readonly string[], rules: ReadonlyMap<string, Rule>): Rule | undefined {
  const members = names.map((name) => rules.get(name));
  const count = wanted === 'any' ? 1 : wanted === 'all' ? members.length : Number(wanted);
  if (!Number.isInteger(count) || count < 1 || count > members.length) return undefined;
  if (!members.every((member) => member !== undefined) || new Set(names).size !== names.length) return undefined;
  return (signed) => members.filter((holds) => holds(signed)).length >= count;
}
