import type { Adapter, DeploymentView, Emission, Exchange, HeaderView } from '../../src/providers/adapters/adapter.js';

/** A deployment that can do everything but reason, of the vendor named. */
export function aDeploymentView(vendor: string, more: Partial<DeploymentView['capabilities']> = {}): DeploymentView {
  return {
    vendor,
    dialect: vendor === 'anthropic' ? 'anthropic' : 'openai',
    baseUrl: 'https://vendor.example',
    upstreamModel: 'upstream-model',
    quirks: {},
    capabilities: {
      operations: ['chat'],
      stream: true,
      tools: true,
      parallelTools: true,
      images: 'url',
      pdf: true,
      audio: true,
      jsonSchema: true,
      jsonMode: true,
      reasoning: false,
      n: true,
      logprobs: true,
      seed: true,
      prefill: true,
      context: 100_000,
      maxOutput: 0,
      unsupported: [],
      ...more,
    },
  };
}

/** An attempt with a short request. */
export function openCall(adapter: Adapter, deployment: DeploymentView, request: object = {}): Exchange {
  return adapter.open({
    deployment,
    request: { model: 'public', messages: [{ role: 'user', content: 'Hello' }], ...request },
    requestId: 'request-1/1',
    outputBound: 1_000,
    endUser: 'pseudonym',
  });
}

/** The request body that an attempt sends. */
export function sentBody(adapter: Adapter, deployment: DeploymentView, request: object = {}): Record<string, unknown> {
  return JSON.parse(Buffer.from(openCall(adapter, deployment, request).request.body ?? []).toString()) as Record<
    string,
    unknown
  >;
}

/** Everything an exchange makes of a body. */
export function answer(
  exchange: Exchange,
  body: string,
  headers: HeaderView = { 'content-type': 'text/event-stream' },
): readonly Emission[] {
  return [...exchange.accept(200, headers), ...exchange.push(Buffer.from(body)), ...exchange.end()];
}

/** Events as a vendor streams them. */
export const stream = (...events: readonly unknown[]): string =>
  events.map((event) => `data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`).join('');

/** The failure of an answer, or undefined. */
export function failureIn(emissions: readonly Emission[]) {
  return emissions.flatMap((one) => (one.kind === 'failure' ? [one.failure] : [])).at(-1);
}
