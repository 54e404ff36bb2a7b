import { CATALOGUE } from '../platform/errors/index.js';

const CODES = Object.keys(CATALOGUE);

/** The two shapes of an error. Source: the wire contract §2.4 and §3. */
export const PROBLEM_SCHEMAS = {
  Problem: {
    type: 'object',
    description: 'RFC 9457 problem details',
    required: ['type', 'title', 'status', 'detail', 'instance', 'code', 'requestId'],
    properties: {
      type: { type: 'string', format: 'uri' },
      title: { type: 'string' },
      status: { type: 'integer' },
      detail: { type: 'string', description: 'What was wrong, and how to mend it' },
      instance: { type: 'string' },
      code: { type: 'string', enum: CODES },
      requestId: { type: 'string', format: 'uuid' },
      violations: {
        type: 'array',
        items: {
          type: 'object',
          required: ['field', 'rule', 'message'],
          properties: { field: { type: 'string' }, rule: { type: 'string' }, message: { type: 'string' } },
        },
      },
    },
  },
  OpenAiError: {
    type: 'object',
    required: ['error'],
    properties: {
      error: {
        type: 'object',
        required: ['message', 'type', 'param', 'code'],
        properties: {
          message: { type: 'string', description: 'What was wrong, which limit, and how to mend it' },
          type: { type: 'string' },
          param: { type: ['string', 'null'] },
          code: { type: 'string', enum: CODES },
          aip: { type: 'object', description: 'Request id, the limit that refused, attempts' },
        },
      },
    },
  },
};

/** Refusals of an operation: who is not known, who may not, and everything else in the one shape its path answers with. */
export function refusalsOf(path: string, isPublic: boolean): Record<string, unknown> {
  const [type, name] = path.startsWith('/v1/')
    ? ['application/json', 'OpenAiError']
    : ['application/problem+json', 'Problem'];
  const content = { [type]: { schema: { $ref: `#/components/schemas/${name}` } } };
  const other = { description: 'Any other refusal; `code` says which', content };
  if (isPublic) return { default: other };
  return {
    401: { description: 'No credential, or one that is not valid', content },
    403: {
      description: 'The credential lacks a permission of x-aip-permission, or may not touch this object',
      content,
    },
    default: other,
  };
}
