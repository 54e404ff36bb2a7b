import { inspect } from 'node:util';

const HIDDEN = '[secret]';
/** Shorter ones are no secrets: they would be found in words. */
const LEAST_HIDDEN = 6;

/** A clear-text secret that no log, error or serialiser can print. Revealed only where it is used: in a header for its own origin, in a
 *  signature. */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The clear text. */
  reveal(): string {
    return this.#text;
  }

  /** The text with every occurrence of the secret hidden: a provider may repeat what it was told. */
  hideIn(text: string): string {
    return this.#text.length < LEAST_HIDDEN ? text : text.replaceAll(this.#text, HIDDEN);
  }

  toString(): string {
    return HIDDEN;
  }

  toJSON(): string {
    return HIDDEN;
  }

  [inspect.custom](): string {
    return HIDDEN;
  }

  [Symbol.toPrimitive](): string {
    return HIDDEN;
  }
}

/** Last four characters of a secret of at least 20, so that people can tell keys apart; else null. */
export function hintOf(text: string): string | null {
  return text.length >= 20 ? text.slice(-4) : null;
}
