/** How one OpenAI-compatible vendor differs from OpenAI. Each member may be overridden per provider. */
export interface Quirks {
  readonly chatPath: string;
  readonly embeddingsPath: string;
  /** Unbilled GET that needs the credential. */
  readonly probePath: string;
  /** Version of Azure's older addresses, which name the deployment in their path; empty: the model stands in the body. */
  readonly apiVersion: string;
  /** Name of the output bound. */
  readonly boundMember: 'max_completion_tokens' | 'max_tokens';
  /** Usage of a stream has to be asked for. */
  readonly streamOptions: boolean;
  /** Members beyond the common ones that go out. */
  readonly accepts: readonly string[];
  /** Common members that this vendor refuses. */
  readonly refuses: readonly string[];
  /** Members that reasoning models of this vendor refuse unless they have their default value. */
  readonly reasoningRefuses: readonly string[];
  /** `seed` is called this. */
  readonly seedMember: string;
  /** Name of "some tool must be called". */
  readonly requiredToolChoice: string;
  /** Tool call ids are nine letters or digits. */
  readonly shortToolIds: boolean;
  /** Member for the pseudonym of the user; empty: none. */
  readonly endUserMember: string;
  /** `store: false` is sent, so that nothing is retained. */
  readonly sendsStore: boolean;
  /** `reasoning_content` in the history is sent back. */
  readonly keepsReasoning: boolean;
  /** Reasoning tokens are not part of `completion_tokens`. */
  readonly reasoningOutside: boolean;
  /** `developer` messages are sent as `system`. */
  readonly developerAsSystem: boolean;
  /** `system` and `developer` messages are sent as `user`: a few models know no instructions. */
  readonly instructionsAsUser: boolean;
}

const COMPATIBLE: Quirks = {
  chatPath: '/chat/completions',
  embeddingsPath: '/embeddings',
  probePath: '/models',
  apiVersion: '',
  boundMember: 'max_tokens',
  streamOptions: true,
  accepts: [],
  refuses: [],
  reasoningRefuses: [],
  seedMember: 'seed',
  requiredToolChoice: 'required',
  shortToolIds: false,
  endUserMember: '',
  sendsStore: false,
  keepsReasoning: false,
  reasoningOutside: false,
  developerAsSystem: true,
  instructionsAsUser: false,
};

const SAMPLING = [
  'temperature',
  'top_p',
  'presence_penalty',
  'frequency_penalty',
  'logprobs',
  'top_logprobs',
  'logit_bias',
];

/** Source: providers page §4; each row has a test on recorded or literal traffic. */
const VENDORS: Readonly<Record<string, Partial<Quirks>>> = {
  openai: {
    boundMember: 'max_completion_tokens',
    accepts: [
      'service_tier',
      'verbosity',
      'modalities',
      'audio',
      'prediction',
      'web_search_options',
      'prompt_cache_key',
      'prompt_cache_retention',
      'prompt_cache_options',
    ],
    reasoningRefuses: SAMPLING,
    endUserMember: 'safety_identifier',
    sendsStore: true,
    developerAsSystem: false,
  },
  azure: {
    boundMember: 'max_completion_tokens',
    accepts: ['service_tier', 'verbosity', 'modalities', 'audio', 'prediction', 'prompt_cache_key'],
    reasoningRefuses: SAMPLING,
    endUserMember: 'user',
    developerAsSystem: false,
  },
  xai: {
    boundMember: 'max_completion_tokens',
    reasoningRefuses: ['stop', 'presence_penalty', 'frequency_penalty'],
    reasoningOutside: true,
  },
  groq: {
    boundMember: 'max_completion_tokens',
    accepts: ['service_tier'],
    refuses: ['logprobs', 'top_logprobs', 'logit_bias', 'n'],
  },
  mistral: {
    streamOptions: false,
    seedMember: 'random_seed',
    requiredToolChoice: 'any',
    shortToolIds: true,
    refuses: ['logprobs', 'top_logprobs', 'logit_bias'],
  },
  deepseek: { refuses: ['parallel_tool_calls', 'logit_bias', 'n'] },
  openrouter: { probePath: '/key', accepts: ['verbosity'], endUserMember: 'user', keepsReasoning: true },
  together: {},
  huggingface: {},
  cerebras: { boundMember: 'max_completion_tokens', refuses: ['presence_penalty', 'frequency_penalty', 'logit_bias'] },
  zai: { refuses: ['logprobs', 'top_logprobs', 'logit_bias', 'n', 'presence_penalty', 'frequency_penalty'] },
  writer: { chatPath: '/chat' },
  fireworks: {},
  gemini: {},
  vllm: { developerAsSystem: false },
  llamacpp: {},
  lmstudio: {},
  ollama: { refuses: ['logit_bias', 'n', 'logprobs', 'top_logprobs'] },
};

/** Vendors with a row of their own. */
export const QUIRK_VENDORS: readonly string[] = Object.keys(VENDORS);

/** The vendor's row with the provider's overrides; an override of an unknown name or another type is left out. */
export function quirksOf(deployment: {
  readonly vendor: string;
  readonly quirks: Readonly<Record<string, unknown>>;
}): Quirks {
  const row: Quirks = {
    ...COMPATIBLE,
    ...(Object.hasOwn(VENDORS, deployment.vendor) ? VENDORS[deployment.vendor] : {}),
  };
  const known = row as unknown as Readonly<Record<string, unknown>>;
  const fitting = Object.entries(deployment.quirks).filter(
    ([name, value]) => Object.hasOwn(known, name) && isAlike(known[name], value),
  );
  return fitting.length === 0 ? row : { ...row, ...(Object.fromEntries(fitting) as Partial<Quirks>) };
}

function isAlike(known: unknown, value: unknown): boolean {
  if (Array.isArray(known)) return Array.isArray(value) && value.every((one) => typeof one === 'string');
  return typeof known === typeof value && !(typeof value === 'string' && value.length > 200);
}

/** Where a request goes, behind the base URL. Azure's older addresses begin at the resource: `/openai/deployments/{name}`. */
export function pathOf(
  path: string,
  { apiVersion }: Pick<Quirks, 'apiVersion'>,
  deployment: { readonly upstreamModel: string } | null,
): string {
  if (apiVersion === '') return path;
  const place = deployment === null ? '' : `/deployments/${encodeURIComponent(deployment.upstreamModel)}`;
  return `/openai${place}${path}?api-version=${encodeURIComponent(apiVersion)}`;
}
