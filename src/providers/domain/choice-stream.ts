import type { ChatChunk } from '../../openai/index.js';
import type { Emission } from '../adapters/adapter.js';

/** Makes one stream of several answers that have one choice each: their chunks get one id and the index of their choice. */
export class ChoiceStream {
  #head: Pick<ChatChunk, 'id' | 'created' | 'model'> | undefined;
  #hasAnswered = false;

  /** `choice`: the index that the answer gets. Reports and ends of single answers are left out. */
  place(emissions: readonly Emission[], choice: number): readonly Emission[] {
    return emissions.flatMap((emission): readonly Emission[] => {
      switch (emission.kind) {
        case 'chunk':
          return [{ ...emission, chunk: this.#chunk(emission.chunk, choice), raw: null }];
        case 'finish':
          return [{ ...emission, choice }];
        case 'answered':
          if (this.#hasAnswered) return [];
          this.#hasAnswered = true;
          return [emission];
        case 'usage':
        case 'done':
          return [];
        case 'embedding':
        case 'failure':
          return [emission];
      }
    });
  }

  #chunk(chunk: ChatChunk, index: number): ChatChunk {
    const { id, created, model } = chunk;
    this.#head ??= { id, created, model };
    return { ...chunk, ...this.#head, choices: chunk.choices.map((one) => ({ ...one, index })) };
  }
}
