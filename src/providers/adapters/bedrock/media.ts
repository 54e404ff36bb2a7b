import type { ContentPart } from '../../../openai/index.js';
import { textOf, type JsonObject } from '../json-value.js';

const DATA_URL = /^data:([a-z]+\/[a-z0-9.+-]+)(?:;[a-z]+=[^;,]{0,80})*;base64,/i;
/** An address, or a data URL of a kind that is not understood. */
const ADDRESS = /^([a-z][a-z0-9+.-]*:\/\/|data:(?![^,]{0,200};base64,))/i;
const MAX_NAME = 200;

const IMAGES: Readonly<Record<string, string>> = {
  'image/png': 'png',
  'image/jpeg': 'jpeg',
  'image/jpg': 'jpeg',
  'image/gif': 'gif',
  'image/webp': 'webp',
};
const DOCUMENTS: Readonly<Record<string, string>> = {
  'application/pdf': 'pdf',
  'application/msword': 'doc',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
  'application/vnd.ms-excel': 'xls',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
  'text/csv': 'csv',
  'text/html': 'html',
  'text/plain': 'txt',
  'text/markdown': 'md',
};
const ENDINGS = new Set(Object.values(DOCUMENTS));

const known = (table: Readonly<Record<string, string>>, name: string): string | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined;

/** An image as Bedrock takes it: bytes with their format; null when it is an address or of another format. */
export function imageBlock({ image_url: image }: ContentPart): JsonObject | null {
  const match = DATA_URL.exec(image?.url ?? '');
  const format = known(IMAGES, match?.[1]?.toLowerCase() ?? '');
  if (match === null || format === undefined) return null;
  return { image: { format, source: { bytes: image?.url.slice(match[0].length) } } };
}

/** A document's format and bytes; null when it is not inline or of another format. Bare base64 is what the file's name says, else
 *  a PDF. */
function documentOf({ file }: ContentPart): { readonly format: string; readonly bytes: string } | null {
  const data = textOf(file?.file_data);
  if (data === undefined || ADDRESS.test(data)) return null;
  const ending = endingOf(file?.filename);
  const named = ENDINGS.has(ending) ? ending : undefined;
  const match = DATA_URL.exec(data);
  if (match === null) return { format: named ?? 'pdf', bytes: data };
  const format = known(DOCUMENTS, match[1]?.toLowerCase() ?? '') ?? named;
  return format === undefined ? null : { format, bytes: data.slice(match[0].length) };
}

const endingOf = (name: string | undefined): string => /\.([A-Za-z]{2,4})$/.exec(name ?? '')?.[1]?.toLowerCase() ?? '';

/** Makes document blocks of one request. Names must be unique, and Bedrock allows letters, digits, single blanks, hyphens,
 *  parentheses and brackets in them. */
export class DocumentBlocks {
  readonly #taken = new Set<string>();

  /** Null when Bedrock cannot take it. */
  make(part: ContentPart): JsonObject | null {
    const read = documentOf(part);
    if (read === null) return null;
    return { document: { format: read.format, name: this.#name(part), source: { bytes: read.bytes } } };
  }

  #name({ file }: ContentPart): string {
    const plain = (file?.filename ?? '')
      .replace(/\.[A-Za-z]{1,5}$/, '')
      .replace(/[^A-Za-z0-9()[\]-]+/g, ' ')
      .trim()
      .slice(0, MAX_NAME - 8)
      .trim();
    const name = plain === '' ? 'Document' : plain;
    let unique = name;
    for (let nth = 2; this.#taken.has(unique); nth += 1) unique = `${name} ${String(nth)}`;
    this.#taken.add(unique);
    return unique;
  }
}
