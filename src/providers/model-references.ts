import { Injectable } from '@nestjs/common';

import type { Tx } from '../platform/database/index.js';
import { AppError } from '../platform/errors/index.js';

/** Says where public models are named, in words for an operator: `policy main@3 (alias fast)`. */
export type ReferenceSource = (tx: Tx, models: readonly string[]) => Promise<readonly string[]>;

const SHOWN = 10;

/** Knows who names public models, so that a removal can say what it would break. Modules above this one register what they have. */
@Injectable()
export class ModelReferences {
  readonly #sources: ReferenceSource[] = [];

  /** Asks `source` from now on. */
  register(source: ReferenceSource): void {
    this.#sources.push(source);
  }

  /** The refusal to take away the last deployment of `models` (not empty), with everything that names one of them. */
  async lastDeployment(tx: Tx, models: readonly string[]): Promise<AppError> {
    const found = (await Promise.all(this.#sources.map((source) => source(tx, models)))).flat();
    const named = found.length === 0 ? '' : ` Named by ${shown(found)}.`;
    return new AppError(
      'conflict',
      `Nobody else serves ${shown(models)}.${named} Repeat with force=1 to remove it all the same.`,
    );
  }
}

function shown(names: readonly string[]): string {
  const more = names.length > SHOWN ? ` and ${String(names.length - SHOWN)} more` : '';
  return names.slice(0, SHOWN).join(', ') + more;
}
