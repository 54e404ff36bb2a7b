const MAX_SAMPLE = 512;
const MAX_REPEAT = 64;
const MAX_NESTING = 16;
const CLASSES: Readonly<Record<string, string>> = { d: '0', w: 'a', s: ' ', D: 'a', W: '-', S: 'a' };
const CANDIDATES = 'a0A-_ .,:/@'.split('');

/** A string that an ordinary regular expression accepts, at most 512 characters; `undefined` when it uses look-around,
 *  back references, property classes or more than that. Nothing is ever matched, so no pattern can take long.
 *  Attacker-controlled: nesting, repetition and length are bounded. */
export function patternSample(pattern: string): string | undefined {
  try {
    const reader = new PatternReader(pattern);
    const sample = reader.alternatives(0);
    return reader.isAtEnd && sample.length <= MAX_SAMPLE ? sample : undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

class PatternReader {
  #at = 0;

  constructor(private readonly pattern: string) {}

  get isAtEnd(): boolean {
    return this.#at >= this.pattern.length;
  }

  /** The sample of the first alternative; the others are read and dropped. */
  alternatives(nesting: number): string {
    if (nesting > MAX_NESTING) throw new RangeError('Nested too deep');
    const first = this.#sequence(nesting);
    while (this.#take('|')) this.#sequence(nesting);
    return first;
  }

  #sequence(nesting: number): string {
    let sample = '';
    while (!this.isAtEnd && this.#peek() !== '|' && this.#peek() !== ')') {
      const atom = this.#atom(nesting);
      sample += atom.repeat(this.#repetitions());
      if (sample.length > MAX_SAMPLE) throw new RangeError('Sample too long');
    }
    return sample;
  }

  #atom(nesting: number): string {
    const next = this.#next();
    if (next === '^' || next === '$') return '';
    if (next === '.') return 'a';
    if (next === '\\') return this.#escape();
    if (next === '[') return this.#set();
    if (next === '(') return this.#group(nesting);
    if ('*+?{'.includes(next)) throw new RangeError('Nothing to repeat');
    return next;
  }

  #group(nesting: number): string {
    if (this.#take('?') && !this.#take(':')) throw new RangeError('Unsupported group');
    const sample = this.alternatives(nesting + 1);
    if (!this.#take(')')) throw new RangeError('Unclosed group');
    return sample;
  }

  #escape(): string {
    const next = this.#next();
    const sample = CLASSES[next];
    if (sample !== undefined) return sample;
    if (/[\p{L}\p{N}]/u.test(next)) throw new RangeError('Unsupported escape');
    return next;
  }

  #set(): string {
    const isNegated = this.#take('^');
    const members: { from: string; to: string }[] = [];
    while (!this.#take(']')) {
      const from = this.#take('\\') ? this.#escape() : this.#next();
      const isRange = this.#peek() === '-' && this.pattern[this.#at + 1] !== ']' && this.#take('-');
      const to = !isRange ? from : this.#take('\\') ? this.#escape() : this.#next();
      members.push({ from, to });
    }
    const isMember = (letter: string): boolean => members.some(({ from, to }) => letter >= from && letter <= to);
    const found = isNegated ? CANDIDATES.find((letter) => !isMember(letter)) : members[0]?.from;
    if (found === undefined) throw new RangeError('Empty set');
    return found;
  }

  #repetitions(): number {
    const braces = /^\{(\d{1,4})(?:,\d{0,4})?\}/.exec(this.pattern.slice(this.#at, this.#at + 12));
    const isOptional = this.#take('*') || this.#take('?');
    if (!isOptional && !this.#take('+') && braces === null) return 1;
    if (braces !== null) this.#at += braces[0].length;
    const count = isOptional ? 0 : Number(braces?.[1] ?? 1);
    this.#take('?');
    if (count > MAX_REPEAT) throw new RangeError('Repeated too often');
    return count;
  }

  #peek(): string {
    return this.pattern[this.#at] ?? '';
  }

  #next(): string {
    const next = this.pattern[this.#at];
    if (next === undefined) throw new RangeError('Ends too early');
    this.#at += 1;
    return next;
  }

  #take(letter: string): boolean {
    if (this.#peek() !== letter) return false;
    this.#at += 1;
    return true;
  }
}
