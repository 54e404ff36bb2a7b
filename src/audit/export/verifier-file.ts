import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** Where the build puts it: beside the compiled sources, or below the repository when sources run as they are. */
const PLACES = ['../../../verify.mjs', '../../../dist/verify.mjs'].map((place) => new URL(place, import.meta.url));

/** The single-file verifier of this release. @throws Error when the product was not built */
export async function verifierFile(): Promise<Buffer> {
  const place = PLACES.find((file) => existsSync(file));
  if (place === undefined) throw new Error('dist/verify.mjs is missing: build the product');
  return readFile(place);
}
