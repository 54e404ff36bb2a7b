import type { ChatRequest, ContentPart } from '../../openai/index.js';
import type { CapabilityGap, Capabilities } from './adapter.js';
import { isSet } from './json-value.js';

/** Values that ask for nothing: what an API does anyway. */
const DEFAULTS: Readonly<Record<string, readonly unknown[]>> = {
  n: [1],
  temperature: [1],
  top_p: [1],
  presence_penalty: [0],
  frequency_penalty: [0],
  logprobs: [false],
  top_logprobs: [0],
  service_tier: ['auto', 'default'],
  parallel_tool_calls: [true],
  reasoning_effort: ['none', 'minimal'],
};

/** Members that only advise: where they cannot be honoured they are dropped and named. Source: providers page §1. */
export const ADVISORY: readonly string[] = [
  'seed',
  'prompt_cache_key',
  'prompt_cache_retention',
  'prompt_cache_options',
  'verbosity',
  'metadata',
  'user',
];

/** True when the member is present and asks for something that is not done anyway. */
export function asksFor(request: ChatRequest, member: string): boolean {
  const value = request[member];
  if (!isSet(value) || DEFAULTS[member]?.includes(value) === true) return false;
  if (Array.isArray(value)) return value.length > 0;
  return typeof value !== 'object' || Object.keys(value ?? {}).length > 0;
}

/** A gap for `member`. */
export function gap(member: string, reason: string): CapabilityGap {
  return { member, reason };
}

/** Gaps for those of `members` that the request asks for and `vendor`'s dialect cannot say. */
export function counterpartGaps(request: ChatRequest, members: readonly string[], vendor: string): CapabilityGap[] {
  return members.filter((member) => asksFor(request, member)).map((one) => gap(one, `${vendor} has no counterpart`));
}

function* partsOf(request: ChatRequest): Generator<ContentPart> {
  for (const { content } of request.messages) if (Array.isArray(content)) yield* content as readonly ContentPart[];
}

function mediaGaps(request: ChatRequest, capabilities: Capabilities): CapabilityGap[] {
  const gaps = new Map<string, CapabilityGap>();
  for (const part of partsOf(request)) {
    if (part.type === 'image_url') {
      const isInline = part.image_url?.url.startsWith('data:') === true;
      if (capabilities.images === 'none') gaps.set('image', gap('messages.image_url', 'no images'));
      else if (!isInline && capabilities.images === 'inline')
        gaps.set('url', gap('messages.image_url', 'no images by URL'));
    } else if (part.type === 'input_audio' && !capabilities.audio)
      gaps.set('audio', gap('messages.input_audio', 'no audio'));
    else if (part.type === 'file' && !capabilities.pdf) gaps.set('file', gap('messages.file', 'no files'));
  }
  return [...gaps.values()];
}

function formatGaps({ response_format: format }: ChatRequest, capabilities: Capabilities): CapabilityGap[] {
  if (format?.type === 'json_schema' && !capabilities.jsonSchema) return [gap('response_format', 'no JSON schema')];
  const isJson = capabilities.jsonMode || capabilities.jsonSchema;
  return format?.type === 'json_object' && !isJson ? [gap('response_format', 'no JSON mode')] : [];
}

/** What of a chat request the deployment's capabilities do not cover, in any dialect. */
export function capabilityGaps(request: ChatRequest, capabilities: Capabilities): CapabilityGap[] {
  const flags: readonly (readonly [string, boolean])[] = [
    ['tools', capabilities.tools],
    ['n', capabilities.n],
    ['logprobs', capabilities.logprobs],
    ['top_logprobs', capabilities.logprobs],
    ['reasoning_effort', capabilities.reasoning],
    ['audio', capabilities.audio],
  ];
  const missing = flags.flatMap(([member, has]) =>
    !has && asksFor(request, member) ? [gap(member, 'not supported')] : [],
  );
  const refused = capabilities.unsupported.flatMap((member) =>
    asksFor(request, member) ? [gap(member, 'refused by this deployment')] : [],
  );
  return [...missing, ...refused, ...mediaGaps(request, capabilities), ...formatGaps(request, capabilities)];
}

/** Gaps without repetition, in order. */
export function uniqueGaps(gaps: readonly CapabilityGap[]): readonly CapabilityGap[] {
  if (gaps.length < 2) return gaps;
  return [...new Map(gaps.map((one) => [one.member, one])).values()];
}
