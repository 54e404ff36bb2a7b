export { requireVersion, versionOf } from './if-match.js';
export { decodeCursor, encodeCursor, pageQuery, toPage, type Keyset, type Page } from './page.js';
export { invalidValue, parseInput, validationPipe } from './validation.js';
