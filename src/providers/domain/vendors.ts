import type { Dialect } from '../adapters/adapter.js';

/** What is known of a vendor before anybody says so: an operator may choose otherwise. */
export interface Vendor {
  readonly dialect: Dialect;
  /** How its credentials travel. */
  readonly scheme: 'bearer' | 'header' | 'azure' | 'sigv4' | 'google_sa';
  /** Header of scheme `header`, lower case. */
  readonly authHeader: string;
}

const BEARER: Vendor = { dialect: 'openai', scheme: 'bearer', authHeader: 'x-api-key' };

const VENDORS: Readonly<Record<string, Partial<Vendor>>> = {
  anthropic: { dialect: 'anthropic', scheme: 'header' },
  azure: { scheme: 'azure' },
  bedrock: { dialect: 'bedrock', scheme: 'sigv4' },
  cohere: { dialect: 'cohere' },
  gemini: { dialect: 'gemini', scheme: 'header', authHeader: 'x-goog-api-key' },
  vertex: { dialect: 'gemini', scheme: 'google_sa' },
};

/** The vendor's row; one nobody knows is taken for an OpenAI-compatible one with a bearer key. */
export function vendorOf(name: string): Vendor {
  return { ...BEARER, ...(Object.hasOwn(VENDORS, name) ? VENDORS[name] : {}) };
}
