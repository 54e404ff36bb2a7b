/** Body of `POST /v1/embeddings`. Loose: members we do not know are kept. */
export interface EmbeddingRequest {
  readonly model: string;
  readonly input: string | readonly string[] | readonly number[] | readonly (readonly number[])[];
  readonly encoding_format?: 'float' | 'base64' | null;
  readonly dimensions?: number | null;
  readonly [member: string]: unknown;
}

/** One vector: numbers, or base64 of little-endian float32. */
export interface Embedding {
  readonly object: 'embedding';
  readonly index: number;
  readonly embedding: readonly number[] | string;
}

/** Answer of `POST /v1/embeddings`, vectors ordered by `index`. */
export interface EmbeddingResponse {
  readonly object: 'list';
  readonly data: readonly Embedding[];
  readonly model: string;
  readonly usage: { readonly prompt_tokens: number; readonly total_tokens: number };
}
