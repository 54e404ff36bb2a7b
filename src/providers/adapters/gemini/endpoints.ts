import type { DeploymentView, WireRequest } from '../adapter.js';
import { textOf } from '../json-value.js';

const VERSIONED = /\/v\d+[a-z0-9]*(\/|$)/;
const REGIONAL_HOST = /^https?:\/\/([a-z0-9-]+)-aiplatform\.googleapis\.com(\/|$)/;
const COLLECTION = /^(models|tunedModels|publishers|endpoints|projects)\//;

/** True for Vertex AI: the vendor, or an address that names a project. */
export function isVertex({ vendor, baseUrl, quirks }: DeploymentView): boolean {
  return vendor === 'vertex' || baseUrl.includes('/projects/') || textOf(quirks['project']) !== undefined;
}

/** The path of a method of the deployment's model: `…/models/gemini-2.5-flash:generateContent`. The version belongs to the path,
 *  and a base URL that ends with one works as well. Vertex finds project and location in the base URL or in the quirks `project`
 *  and `location`, the latter also in the host's name. */
export function modelPath(deployment: DeploymentView, method: string): string {
  return `${parentPath(deployment)}${modelName(deployment)}:${method}`;
}

/** The model as requests name it: `models/…` for AI Studio. */
export function modelName(deployment: DeploymentView): string {
  const { upstreamModel, baseUrl } = deployment;
  const isPublished = isVertex(deployment) && !baseUrl.includes('/publishers/');
  const collection = isPublished ? 'publishers/google/models/' : 'models/';
  const name = COLLECTION.test(upstreamModel) ? upstreamModel : collection + upstreamModel;
  return name.split('/').map(encodeURIComponent).join('/');
}

/** An unbilled request that proves name, TLS and credential. Where the base URL names a project there is no publisher model
 *  below it, and counting tokens is asked instead: it is free of charge. */
export function probe(deployment: DeploymentView): WireRequest {
  const headers = { accept: 'application/json', 'accept-encoding': 'identity' };
  const version = versionPath(deployment);
  if (!isVertex(deployment)) return { method: 'GET', path: `${version}/models?pageSize=1`, headers, body: null };
  if (!deployment.baseUrl.includes('/projects/') && modelName(deployment).startsWith('publishers/')) {
    return { method: 'GET', path: `${version}/${modelName(deployment)}`, headers, body: null };
  }
  return {
    method: 'POST',
    path: modelPath(deployment, 'countTokens'),
    headers: { ...headers, 'content-type': 'application/json' },
    body: Buffer.from('{"contents":[{"role":"user","parts":[{"text":"."}]}]}'),
  };
}

/** A POST with JSON to a method of the model. */
export function post(deployment: DeploymentView, method: string, body: unknown): WireRequest {
  return {
    method: 'POST',
    path: modelPath(deployment, method),
    headers: {
      'content-type': 'application/json',
      accept: 'text/event-stream, application/json',
      'accept-encoding': 'identity',
    },
    body: Buffer.from(JSON.stringify(body)),
  };
}

function versionPath(deployment: DeploymentView): string {
  if (VERSIONED.test(deployment.baseUrl)) return '';
  return isVertex(deployment) ? '/v1beta1' : '/v1beta';
}

function parentPath(deployment: DeploymentView): string {
  const { baseUrl, quirks } = deployment;
  const project = textOf(quirks['project']);
  const isPlaced = baseUrl.includes('/projects/') || deployment.upstreamModel.startsWith('projects/');
  if (project === undefined || isPlaced) return `${versionPath(deployment)}/`;
  const location = textOf(quirks['location']) ?? REGIONAL_HOST.exec(baseUrl)?.[1] ?? 'global';
  const place = `projects/${encodeURIComponent(project)}/locations/${encodeURIComponent(location)}`;
  return `${versionPath(deployment)}/${place}/`;
}
