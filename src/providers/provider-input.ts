import { z } from 'zod';

import { DIALECTS } from './adapters/adapter.js';
import { isSecretHeader, type AuthScheme } from './auth.js';
import { pageQuery } from '../platform/http/index.js';
import { NETWORKS } from './domain/deployment.js';

const name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'must be lower case letters, digits, dot, underscore or dash');
const OFFERED = ['bearer', 'header', 'azure', 'google_sa', 'sigv4'] as const satisfies readonly AuthScheme[];
const model = z.string().min(1).max(200);
const limit = z.int().min(1).max(1_000_000_000);

const capabilities = z
  .strictObject({
    operations: z.array(z.enum(['chat', 'embeddings'])).min(1),
    stream: z.boolean(),
    tools: z.boolean(),
    parallelTools: z.boolean(),
    images: z.enum(['none', 'inline', 'url']),
    pdf: z.boolean(),
    audio: z.boolean(),
    jsonSchema: z.boolean(),
    jsonMode: z.boolean(),
    reasoning: z.boolean(),
    n: z.boolean(),
    logprobs: z.boolean(),
    seed: z.boolean(),
    prefill: z.boolean(),
    context: z.int().min(0).max(100_000_000),
    maxOutput: z.int().min(0).max(10_000_000),
    unsupported: z.array(z.string().min(1).max(100)).max(100),
  })
  .partial();

const deploymentFields = {
  model,
  upstreamModel: model,
  region: z.string().min(1).max(100).nullable(),
  capabilities,
  limits: z
    .strictObject({
      maxConcurrent: z.int().min(1).max(10_000),
      requestsPerMinute: limit,
      tokensPerMinute: limit,
      requestsPerDay: limit,
    })
    .partial(),
  timers: z
    .strictObject({
      connectMs: z.int().min(50).max(60_000),
      ttftMs: z.int().min(100).max(600_000),
      idleMs: z.int().min(100).max(600_000),
      totalMs: z.int().min(100).max(3_600_000),
    })
    .partial(),
  weight: z.int().min(0).max(10_000),
};

const newDeployment = z.strictObject({
  ...deploymentFields,
  region: deploymentFields.region.default(null),
  capabilities: capabilities.prefault({}),
  limits: deploymentFields.limits.prefault({}),
  timers: deploymentFields.timers.prefault({}),
  weight: deploymentFields.weight.default(100),
});

/** Body of `POST /api/providers/{id}/credentials`. The secret is written once and never shown again. */
export const newCredentialInput = z
  .strictObject({
    name: name.default('main'),
    scheme: z.enum(OFFERED, 'must be bearer, header, azure, google_sa or sigv4').optional(),
    secret: z.string().min(1).max(10_000),
    expiresAt: z.iso.datetime().nullable().default(null),
  })
  .transform(({ expiresAt, ...rest }) => ({ ...rest, expiresAtMs: expiresAt === null ? null : Date.parse(expiresAt) }))
  .meta({ id: 'NewCredential' });

const providerFields = {
  name,
  baseUrl: z.string().min(1).max(500),
  authHeader: z.string().refine(isSecretHeader, 'must be a lower-case header name that may carry a secret'),
  quirks: z.record(z.string().max(100), z.json()),
};

/** Body of `POST /api/providers`: the provider, with its first credential and deployments if wanted. */
export const newProviderInput = z
  .strictObject({
    ...providerFields,
    vendor: z
      .string()
      .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'must be lower case letters, digits, dot, underscore or dash'),
    dialect: z.enum(DIALECTS).optional(),
    network: z.enum(NETWORKS).default('public'),
    currency: z
      .string()
      .regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code')
      .default('USD'),
    authHeader: providerFields.authHeader.optional(),
    quirks: providerFields.quirks.default({}),
    credential: newCredentialInput.optional(),
    deployments: z.array(newDeployment).max(100).default([]),
  })
  .refine(({ network, currency }) => (network === 'simulated') === (currency === 'XTS'), {
    path: ['currency'],
    message: 'must be XTS for simulated providers and for no other',
  })
  .meta({ id: 'NewProvider' });

/** Body of `PATCH /api/providers/{id}`. */
export const providerPatchInput = z.strictObject(providerFields).partial().meta({ id: 'ProviderPatch' });

/** Body of `POST /api/deployments`. */
export const newDeploymentInput = newDeployment.extend({ providerId: z.uuid() }).meta({ id: 'NewDeployment' });

/** Body of `PATCH /api/deployments/{id}`. */
export const deploymentPatchInput = z.strictObject(deploymentFields).partial().meta({ id: 'DeploymentPatch' });

/** Body of `POST /api/providers/{id}/credentials/{credentialId}/rotate`. */
export const rotateInput = z.strictObject({ secret: z.string().min(1).max(10_000) });

/** Body of `POST /api/providers/{id}/test`. `models`: upstream names that are to be deployed there, before they are. */
export const providerTestInput = z
  .strictObject({ models: z.array(model).max(8).default([]) })
  .prefault({})
  .meta({ id: 'ProviderTest' });

/** Query of removals. `force`: also when a model loses its last deployment. */
export const removeQuery = z.strictObject({ force: z.enum(['0', '1']).default('0') });

/** Query of the deployment list. */
export const deploymentQuery = pageQuery.extend({ providerId: z.uuid().optional(), model: model.optional() });

/** See {@link newProviderInput}. */
export type NewProvider = z.output<typeof newProviderInput>;
/** See {@link providerPatchInput}. */
export type ProviderPatch = z.output<typeof providerPatchInput>;
/** See {@link newDeploymentInput}. */
export type NewDeployment = z.output<typeof newDeploymentInput>;
/** See {@link deploymentPatchInput}. */
export type DeploymentPatch = z.output<typeof deploymentPatchInput>;
/** See {@link newCredentialInput}. */
export type NewCredential = z.output<typeof newCredentialInput>;
