import type { ChatRequest, Tool } from '../../../openai/index.js';
import type { CapabilityGap, DeploymentView, UpstreamCall } from '../adapter.js';
import { ADVISORY, asksFor, capabilityGaps, counterpartGaps, gap, uniqueGaps } from '../capability-gaps.js';
import { withoutFanOut } from '../fan-out.js';
import { isSet, type JsonObject } from '../json-value.js';
import { REASONING_BUDGETS } from '../reasoning-budgets.js';
import { messageGaps, messagesFor } from './messages.js';

/** Members without a counterpart. Log probabilities exist, but not per choice of token as OpenAI has them. */
const WITHOUT_COUNTERPART = [
  'logit_bias',
  'logprobs',
  'top_logprobs',
  'modalities',
  'audio',
  'prediction',
  'web_search_options',
  'service_tier',
  'functions',
  'function_call',
  'parallel_tool_calls',
];
/** Inclusive bounds of numbers that OpenAI takes further; 1 for `top_p` asks for nothing and is left out. */
const BOUNDS: readonly (readonly [member: string, least: number, most: number])[] = [
  ['temperature', 0, 1],
  ['top_p', 0.01, 0.99],
  ['frequency_penalty', 0, 1],
  ['presence_penalty', 0, 1],
];

/** Members of a chat request that Cohere cannot honour. */
export function chatGaps(request: ChatRequest, deployment: DeploymentView): readonly CapabilityGap[] {
  const gaps = withoutFanOut(capabilityGaps(request, deployment.capabilities), request);
  gaps.push(...counterpartGaps(request, WITHOUT_COUNTERPART, 'Cohere'));
  for (const [member, least, most] of BOUNDS) {
    const value = request[member];
    if (typeof value === 'number' && asksFor(request, member) && (value < least || value > most))
      gaps.push(gap(member, `Cohere allows ${String(least)} to ${String(most)}`));
  }
  return uniqueGaps([...gaps, ...toolGaps(request), ...messageGaps(request.messages)]);
}

function toolGaps({ tools, tool_choice: choice, response_format: format }: ChatRequest): CapabilityGap[] {
  const gaps: CapabilityGap[] = [];
  const offered = tools ?? [];
  if (offered.some(({ type }) => type !== 'function')) gaps.push(gap('tools', 'only functions'));
  if (offered.length > 0 && format?.type !== undefined && format.type !== 'text')
    gaps.push(gap('response_format', 'not together with tools'));
  if (typeof choice === 'object' && choice !== null && choice.function === undefined)
    gaps.push(gap('tool_choice', 'only auto, none, required or one function'));
  return gaps;
}

/** Advisory members that are not sent. */
export function ignoredMembers(request: ChatRequest, { capabilities }: DeploymentView): readonly string[] {
  return ADVISORY.filter((member) => isSet(request[member]) && !(member === 'seed' && capabilities.seed));
}

/** The body for `POST /v2/chat`. Source: Cohere API reference, Chat, version 2. */
export function chatBody({ request: asked, deployment, outputBound }: UpstreamCall): JsonObject {
  const request = asked as ChatRequest;
  const { maxOutput, stream } = deployment.capabilities;
  return {
    model: deployment.upstreamModel,
    messages: messagesFor(request.messages),
    max_tokens: Math.max(1, maxOutput > 0 ? Math.min(outputBound, maxOutput) : outputBound),
    ...samplingOf(request, deployment),
    ...stopOf(request),
    ...toolsOf(request),
    ...formatOf(request),
    ...thinkingOf(request, deployment),
    stream,
  };
}

function samplingOf(request: ChatRequest, { capabilities }: DeploymentView): JsonObject {
  const { temperature, top_p: topP, frequency_penalty: frequency, presence_penalty: presence, seed } = request;
  return {
    ...(isSet(temperature) ? { temperature } : {}),
    ...(asksFor(request, 'top_p') ? { p: topP } : {}),
    ...(isSet(frequency) ? { frequency_penalty: frequency } : {}),
    ...(isSet(presence) ? { presence_penalty: presence } : {}),
    ...(isSet(seed) && capabilities.seed ? { seed } : {}),
  };
}

function stopOf({ stop }: ChatRequest): JsonObject {
  const sequences = typeof stop === 'string' ? [stop] : (stop ?? []);
  return sequences.length === 0 ? {} : { stop_sequences: sequences };
}

/** One named function is asked for by offering no other and requiring a call. */
function toolsOf({ tools, tool_choice: choice }: ChatRequest): JsonObject {
  const named = typeof choice === 'object' ? choice?.function?.name : undefined;
  const offered = (tools ?? []).filter((tool) => named === undefined || tool.function?.name === named);
  if (offered.length === 0) return {};
  const isStrict = offered.every((tool) => tool.function?.strict === true);
  const wanted = named !== undefined || choice === 'required' ? 'REQUIRED' : choice === 'none' ? 'NONE' : undefined;
  return {
    tools: offered.map(toolOf),
    ...(isStrict ? { strict_tools: true } : {}),
    ...(wanted === undefined ? {} : { tool_choice: wanted }),
  };
}

function toolOf({ function: described }: Tool): JsonObject {
  const { name = '', description, parameters } = described ?? {};
  return {
    type: 'function',
    function: {
      name,
      ...(description === undefined ? {} : { description }),
      parameters: parameters ?? { type: 'object', properties: {} },
    },
  };
}

function formatOf({ response_format: format }: ChatRequest): JsonObject {
  if (format?.type !== 'json_object' && format?.type !== 'json_schema') return {};
  const schema = format.json_schema?.schema;
  return { response_format: { type: 'json_object', ...(schema === undefined ? {} : { json_schema: schema }) } };
}

/** Models that reason do so unless they are told not to. */
function thinkingOf({ reasoning_effort: effort }: ChatRequest, { capabilities }: DeploymentView): JsonObject {
  if (!capabilities.reasoning || effort === undefined || effort === null) return {};
  const budget = REASONING_BUDGETS[effort];
  return { thinking: budget === undefined ? { type: 'disabled' } : { type: 'enabled', token_budget: budget } };
}
