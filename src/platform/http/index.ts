export { errorHeaders, openAiError, problem, type OpenAiError, type Problem } from './error-envelopes.js';
export { ExceptionToEnvelopeFilter, toAppError } from './exception.filter.js';
export { createAdapter, logRequest, prepareServer, type HttpLimits, type RequestLogFacts } from './http-server.js';
export { requireIdempotencyKey } from './idempotency-key.js';
export { requireVersion, versionOf } from './if-match.js';
export { parseJsonBody } from './json-body.js';
export { decodeCursor, encodeCursor, pageQuery, toPage, type Keyset, type Page } from './page.js';
export { invalidValue, parseInput, validationPipe } from './validation.js';
export { rangeStart } from './range-start.js';
