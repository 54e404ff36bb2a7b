import { describe, expect, it } from '@jest/globals';

import { aDeploymentView, openCall } from '../../../../test/support/adapter-calls.js';
import type { DeploymentView } from '../adapter.js';
import { geminiChat } from './openai-gemini.js';

const at = (vendor: string, baseUrl: string, more: Partial<DeploymentView> = {}): DeploymentView => ({
  ...aDeploymentView(vendor),
  dialect: 'gemini',
  upstreamModel: 'gemini-2.5-flash',
  baseUrl,
  ...more,
});
const path = (deployment: DeploymentView) => openCall(geminiChat, deployment).request.path;
const STREAM = 'gemini-2.5-flash:streamGenerateContent?alt=sse';

describe('addresses of Gemini', () => {
  it.each([
    ['https://generativelanguage.googleapis.com', `/v1beta/models/${STREAM}`],
    ['https://generativelanguage.googleapis.com/v1beta', `/models/${STREAM}`],
    ['https://generativelanguage.googleapis.com/v1', `/models/${STREAM}`],
  ])('AI Studio at %s is %s', (baseUrl, expected) => {
    expect(path(at('gemini', baseUrl))).toBe(expected);
  });

  it.each([
    [
      'https://europe-west4-aiplatform.googleapis.com/v1/projects/acme/locations/europe-west4',
      {},
      `/publishers/google/models/${STREAM}`,
    ],
    ['https://aiplatform.googleapis.com/v1/projects/acme/locations/global/publishers/google', {}, `/models/${STREAM}`],
    [
      'https://europe-west4-aiplatform.googleapis.com',
      { project: 'acme' },
      `/v1beta1/projects/acme/locations/europe-west4/publishers/google/models/${STREAM}`,
    ],
    [
      'https://aiplatform.googleapis.com/v1',
      { project: 'acme', location: 'us-east1' },
      `/projects/acme/locations/us-east1/publishers/google/models/${STREAM}`,
    ],
    [
      'https://aiplatform.googleapis.com',
      { project: 'acme' },
      `/v1beta1/projects/acme/locations/global/publishers/google/models/${STREAM}`,
    ],
    ['https://aiplatform.googleapis.com', {}, `/v1beta1/publishers/google/models/${STREAM}`],
  ])('Vertex at %s with %j is %s', (baseUrl, quirks, expected) => {
    expect(path(at('vertex', baseUrl, { quirks }))).toBe(expected);
  });

  it('models of collections of their own keep their name, and names cannot leave the path', () => {
    const vertex = (upstreamModel: string) =>
      path(at('vertex', 'https://aiplatform.googleapis.com/v1/projects/p/locations/l', { upstreamModel }));
    expect(vertex('endpoints/123')).toBe('/endpoints/123:streamGenerateContent?alt=sse');
    expect(vertex('a?b#c')).toBe('/publishers/google/models/a%3Fb%23c:streamGenerateContent?alt=sse');
    expect(path(at('gemini', 'https://x.example', { upstreamModel: 'tunedModels/mine' }))).toBe(
      '/v1beta/tunedModels/mine:streamGenerateContent?alt=sse',
    );
  });

  it('a deployment that cannot stream is asked for the whole answer', () => {
    const { capabilities } = aDeploymentView('gemini', { stream: false });
    expect(path(at('gemini', 'https://x.example', { capabilities }))).toBe(
      '/v1beta/models/gemini-2.5-flash:generateContent',
    );
  });

  it('the probe is not billed: the list of models, the publisher model, or a count of tokens below a project', () => {
    const probe = (deployment: DeploymentView) => {
      const request = geminiChat.probe(deployment);
      return `${request?.method ?? ''} ${request?.path ?? ''}`;
    };
    expect(probe(at('gemini', 'https://x.example'))).toBe('GET /v1beta/models?pageSize=1');
    expect(probe(at('vertex', 'https://x.example', { quirks: { project: 'p' } }))).toBe(
      'GET /v1beta1/publishers/google/models/gemini-2.5-flash',
    );
    expect(probe(at('vertex', 'https://x.example/v1/projects/p/locations/l'))).toBe(
      'POST /publishers/google/models/gemini-2.5-flash:countTokens',
    );
  });
});
