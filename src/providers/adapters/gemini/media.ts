import type { JsonObject } from '../json-value.js';

const DATA_URL = /^data:([a-z]+\/[a-z0-9.+-]+)(;[a-z]+=[^;,]{0,80})*;base64,/i;
const ADDRESS = /^(https?|gs):\/\//i;

/** What Gemini takes, by the ending of a name. */
const BY_ENDING: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
  gif: 'image/gif',
  heic: 'image/heic',
  heif: 'image/heif',
  pdf: 'application/pdf',
  txt: 'text/plain',
  csv: 'text/csv',
  html: 'text/html',
  md: 'text/md',
  mp3: 'audio/mp3',
  wav: 'audio/wav',
  flac: 'audio/flac',
  ogg: 'audio/ogg',
  m4a: 'audio/m4a',
  mp4: 'video/mp4',
  mov: 'video/quicktime',
  webm: 'video/webm',
  mpeg: 'video/mpeg',
};

/** A part with its data in base64. */
export function inlineOf(mimeType: string, data: string): JsonObject {
  return { inlineData: { mimeType, data } };
}

/** Data URLs become inline data; addresses, also of Cloud Storage and of uploaded files, go on as they are: the gateway fetches
 *  nothing. Anything else is bare base64. The type comes from the data URL, else from the ending of a name, else `otherwise`. */
export function mediaOf(source: string, otherwise: string, filename?: string): JsonObject {
  const match = DATA_URL.exec(source);
  if (match !== null) return inlineOf((match[1] ?? otherwise).toLowerCase(), source.slice(match[0].length));
  if (isAddress(source)) {
    const mimeType = typeOf(source.split(/[?#]/, 1)[0] ?? '') ?? typeOf(filename ?? '') ?? otherwise;
    return { fileData: { mimeType, fileUri: source } };
  }
  return inlineOf(typeOf(filename ?? '') ?? otherwise, source);
}

/** True for something that Google can fetch itself. */
export function isAddress(source: string): boolean {
  return ADDRESS.test(source);
}

function typeOf(name: string): string | undefined {
  const ending = /\.([A-Za-z0-9]{1,5})$/.exec(name)?.[1]?.toLowerCase() ?? '';
  return Object.hasOwn(BY_ENDING, ending) ? BY_ENDING[ending] : undefined;
}
