export { openApiDocument } from './openapi-document.js';
export { schemaText, serveDocs } from './serve-docs.js';
