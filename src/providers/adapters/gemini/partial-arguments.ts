import { isJsonObject, listOf, textOf } from '../json-value.js';

const STEP = /\.([A-Za-z_$][\w$-]*)|\[(\d{1,4})\]|\['([^']{1,200})'\]/gy;
const MAX_DEPTH = 32;
const MAX_CHARACTERS = 1024 * 1024;

type Step = string | number;
type Container = Record<string, unknown> | unknown[];

/** Arguments of a call that arrive in pieces, each at a JSON path: Vertex sends them so when it streams the arguments of
 *  functions. Attacker-controlled: depth, size and list positions are bounded. */
export class PartialArguments {
  readonly #root: Record<string, unknown> = emptyObject();
  #characters = 0;

  /** Takes over pieces; what cannot be placed makes the arguments invalid. False: they are. */
  add(pieces: unknown): boolean {
    return listOf(pieces).every((piece) => {
      if (!isJsonObject(piece)) return false;
      const steps = stepsOf(textOf(piece['jsonPath']) ?? '');
      const value = valueOf(piece);
      this.#characters += typeof value === 'string' ? value.length + 8 : 8;
      return steps !== null && value !== undefined && this.#characters <= MAX_CHARACTERS && this.#set(steps, value);
    });
  }

  toJson(): string {
    return JSON.stringify(this.#root);
  }

  #set(steps: readonly Step[], value: unknown): boolean {
    let place: Container = this.#root;
    for (const [depth, step] of steps.entries()) {
      const next = steps[depth + 1];
      const known = read(place, step);
      if (next === undefined) return write(place, step, joined(known, value));
      if (isContainer(known)) {
        place = known;
        continue;
      }
      const made: Container = typeof next === 'number' ? [] : emptyObject();
      if (known !== undefined || !write(place, step, made)) return false;
      place = made;
    }
    return false;
  }
}

/** Without a prototype, so that every name is an ordinary one. */
const emptyObject = (): Record<string, unknown> => Object.create(null) as Record<string, unknown>;

const isContainer = (value: unknown): value is Container => typeof value === 'object' && value !== null;

/** Texts grow, everything else is replaced. */
const joined = (known: unknown, value: unknown): unknown =>
  typeof known === 'string' && typeof value === 'string' ? known + value : value;

function read(place: Container, step: Step): unknown {
  if (Array.isArray(place)) return typeof step === 'number' ? place[step] : undefined;
  return place[String(step)];
}

function write(place: Container, step: Step, value: unknown): boolean {
  if (!Array.isArray(place)) place[String(step)] = value;
  else if (typeof step !== 'number' || step > place.length) return false;
  else place[step] = value;
  return true;
}

/** `$.a.b[0]['c d']` as its steps; null when it is no such path. */
function stepsOf(path: string): readonly Step[] | null {
  if (!path.startsWith('$') || path.length > 4_096) return null;
  const steps: Step[] = [];
  STEP.lastIndex = 1;
  while (STEP.lastIndex < path.length) {
    const match = STEP.exec(path);
    if (match === null || steps.length >= MAX_DEPTH) return null;
    steps.push(match[2] === undefined ? (match[1] ?? match[3] ?? '') : Number(match[2]));
  }
  return steps.length === 0 ? null : steps;
}

/** Undefined: the piece has no value. */
function valueOf(piece: Readonly<Record<string, unknown>>): unknown {
  const { stringValue: text, numberValue: number, boolValue: flag } = piece;
  if (typeof text === 'string') return text;
  if (typeof number === 'number') return number;
  if (typeof flag === 'boolean') return flag;
  return 'nullValue' in piece ? null : undefined;
}
