import type { DeploymentView, HeaderView, ProbeRequest } from '../adapter.js';
import { nameOfRefusal } from './exceptions.js';

/** The runtime of a region; its control plane has the same host without `-runtime`. */
const RUNTIME = /^https:\/\/bedrock-runtime((?:-fips)?\.[a-z0-9-]+\.(?:amazonaws\.com(?:\.cn)?|api\.aws))$/;
/** Ids that name a profile over several regions: a geography before the vendor. */
const PROFILE = /^(us|us-gov|eu|apac|au|ca|jp|sa|me|global)\.|:(application-)?inference-profile\//;

/** Asks the control plane for the model: not billed, and needs no right to call it. Where the base URL is no public endpoint of AWS
 *  nobody knows the control plane, and there is no probe. Source: AWS, Bedrock API reference, GetFoundationModel and
 *  GetInferenceProfile. */
export function probe({ baseUrl, upstreamModel }: DeploymentView): ProbeRequest | null {
  const host = RUNTIME.exec(baseUrl)?.[1];
  if (host === undefined) return null;
  return {
    method: 'GET',
    baseUrl: `https://bedrock${host}`,
    path: pathOf(upstreamModel),
    headers: { accept: 'application/json', 'accept-encoding': 'identity' },
    body: null,
    read,
  };
}

function pathOf(model: string): string {
  const isCustom = model.startsWith('arn:') && !PROFILE.test(model);
  if (model === '' || isCustom) return '/foundation-models?byOutputModality=TEXT';
  return `/${PROFILE.test(model) ? 'inference-profiles' : 'foundation-models'}/${encodeURIComponent(model)}`;
}

/** Keys without the right to look at models are keys all the same. */
function read(status: number, headers: HeaderView, body: Uint8Array): 'known' | 'model' | null {
  const name = nameOfRefusal(headers, body);
  if (status === 403 && name === 'AccessDeniedException') return 'known';
  return name === 'ResourceNotFoundException' || name === 'ValidationException' ? 'model' : null;
}
