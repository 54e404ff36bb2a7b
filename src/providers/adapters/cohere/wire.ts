import type { DeploymentView, HeaderView, WireRequest } from '../adapter.js';
import { classifyStatus } from '../classify-failure.js';
import type { UpstreamFailure } from '../failure.js';

/** Status by which Cohere refuses a token that it cannot read; elsewhere it means lack of capacity. */
const INVALID_TOKEN = 498;
const VERSION = '/v2';

/** A POST to Cohere. The version belongs to the path; a base URL that ends with it works as well. */
export function post({ baseUrl }: DeploymentView, endpoint: 'chat' | 'embed', body: unknown): WireRequest {
  return {
    method: 'POST',
    path: `${baseUrl.endsWith(VERSION) ? '' : VERSION}/${endpoint}`,
    headers: {
      'content-type': 'application/json',
      accept: 'text/event-stream, application/json',
      'accept-encoding': 'identity',
    },
    body: Buffer.from(JSON.stringify(body)),
  };
}

/** The list of models needs the credential and is not billed. It has version 1 only, so a base URL that names another has no probe. */
export function probe({ baseUrl }: DeploymentView): WireRequest | null {
  if (baseUrl.endsWith(VERSION)) return null;
  return {
    method: 'GET',
    path: '/v1/models?page_size=1',
    headers: { accept: 'application/json', 'accept-encoding': 'identity' },
    body: null,
  };
}

/** What a refusal of Cohere means: `{id, message}`, mostly told by its status. Source: Cohere API reference, errors. */
export function classify(status: number, headers: HeaderView, body: Uint8Array): UpstreamFailure {
  return { ...classifyStatus(status === INVALID_TOKEN ? 401 : status, headers, body), status };
}
