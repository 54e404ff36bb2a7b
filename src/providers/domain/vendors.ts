import type { Dialect } from '../adapters/adapter.js';
import type { Network } from './deployment.js';

/** What is known of a vendor before anybody says so: an operator may choose otherwise. */
export interface Vendor {
  readonly dialect: Dialect;
  /** How its credentials travel. */
  readonly scheme: 'bearer' | 'header' | 'azure' | 'sigv4' | 'google_sa';
  /** Header of scheme `header`, lower case. */
  readonly authHeader: string;
  /** Where its API is, with places such as `{region}` for what differs per customer; null: nobody but the operator can know. */
  readonly baseUrl: string | null;
  /** Where it is for the region `global`; null: as for any other. */
  readonly globalUrl: string | null;
  /** False: a server of one's own, which usually asks for no credential. */
  readonly needsCredential: boolean;
  /** False: its list of models says nothing about what a deployment is called. */
  readonly listsModels: boolean;
  /** Where it usually is: servers of one's own are on site. */
  readonly network: Exclude<Network, 'simulated'>;
}

/** What the places in a vendor's base URL stand for. */
export type VendorPlaces = Readonly<Partial<Record<'region' | 'resource' | 'project', string>>>;

const COMPATIBLE: Vendor = {
  dialect: 'openai',
  scheme: 'bearer',
  authHeader: 'x-api-key',
  baseUrl: null,
  globalUrl: null,
  needsCredential: true,
  listsModels: true,
  network: 'public',
};
const ON_SITE = { needsCredential: false, network: 'private' } as const;

/** Source: the vendors' API references; dialects and schemes as in providers page §4 and §5. */
const VENDORS: Readonly<Record<string, Partial<Vendor>>> = {
  anthropic: { dialect: 'anthropic', scheme: 'header', baseUrl: 'https://api.anthropic.com' },
  azure: { scheme: 'azure', listsModels: false, baseUrl: 'https://{resource}.openai.azure.com/openai/v1' },
  bedrock: { dialect: 'bedrock', scheme: 'sigv4', baseUrl: 'https://bedrock-runtime.{region}.amazonaws.com' },
  cerebras: { baseUrl: 'https://api.cerebras.ai/v1' },
  cohere: { dialect: 'cohere', baseUrl: 'https://api.cohere.com' },
  deepseek: { baseUrl: 'https://api.deepseek.com' },
  fireworks: { baseUrl: 'https://api.fireworks.ai/inference/v1' },
  gemini: {
    dialect: 'gemini',
    scheme: 'header',
    authHeader: 'x-goog-api-key',
    baseUrl: 'https://generativelanguage.googleapis.com',
  },
  groq: { baseUrl: 'https://api.groq.com/openai/v1' },
  huggingface: { listsModels: false, baseUrl: 'https://router.huggingface.co/v1' },
  llamacpp: { ...ON_SITE, baseUrl: 'http://127.0.0.1:8080/v1' },
  lmstudio: { ...ON_SITE, baseUrl: 'http://127.0.0.1:1234/v1' },
  mistral: { baseUrl: 'https://api.mistral.ai/v1' },
  ollama: { ...ON_SITE, baseUrl: 'http://127.0.0.1:11434/v1' },
  openai: { baseUrl: 'https://api.openai.com/v1' },
  openrouter: { baseUrl: 'https://openrouter.ai/api/v1' },
  together: { baseUrl: 'https://api.together.xyz/v1' },
  vertex: {
    dialect: 'gemini',
    scheme: 'google_sa',
    baseUrl: 'https://{region}-aiplatform.googleapis.com',
    globalUrl: 'https://aiplatform.googleapis.com',
  },
  vllm: { ...ON_SITE, baseUrl: 'http://127.0.0.1:8000/v1' },
  writer: { baseUrl: 'https://api.writer.com/v1' },
  xai: { baseUrl: 'https://api.x.ai/v1' },
  zai: { baseUrl: 'https://api.z.ai/api/paas/v4' },
};

/** Names with a row of their own, sorted. */
export const KNOWN_VENDORS: readonly string[] = Object.keys(VENDORS).sort();

/** The vendor's row; one nobody knows is taken for an OpenAI-compatible one with a bearer key. */
export function vendorOf(name: string): Vendor {
  return { ...COMPATIBLE, ...(Object.hasOwn(VENDORS, name) ? VENDORS[name] : {}) };
}

/** The vendor's base URL with its places filled, or the names of those that are missing; undefined: it has none of its own. */
export function baseUrlOf(
  { baseUrl, globalUrl }: Pick<Vendor, 'baseUrl' | 'globalUrl'>,
  places: VendorPlaces,
): { readonly url: string } | { readonly missing: readonly string[] } | undefined {
  if (baseUrl === null) return undefined;
  const template = places.region === 'global' && globalUrl !== null ? globalUrl : baseUrl;
  const missing: string[] = [];
  const url = template.replace(/\{(\w+)\}/g, (_all, name: keyof VendorPlaces) => {
    const value = places[name];
    if (value === undefined) missing.push(name);
    return value ?? '';
  });
  return missing.length > 0 ? { missing } : { url };
}
