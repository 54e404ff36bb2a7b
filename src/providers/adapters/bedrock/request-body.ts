import type { ChatRequest, ContentPart, Tool } from '../../../openai/index.js';
import type { CapabilityGap, DeploymentView, UpstreamCall } from '../adapter.js';
import { ADVISORY, asksFor, capabilityGaps, counterpartGaps, gap, uniqueGaps } from '../capability-gaps.js';
import { withoutFanOut } from '../fan-out.js';
import { isSet, textOf, type JsonObject } from '../json-value.js';
import { canTake, canThinkOn, conversation, hasToolHistory } from './messages.js';
import { traitsOf } from './model-traits.js';
import { effortsOf, reasoningFields } from './reasoning.js';

/** The tool whose arguments are the answer, where a model has no JSON schemas of its own. */
export const ANSWER_TOOL = 'structured_answer';
/** Bedrock refuses a history of calls without any tool: this one stands in where none may be called, and its calls are dropped. */
export const PLACEHOLDER_TOOL = 'unavailable';

/** Members without a counterpart. */
const WITHOUT_COUNTERPART = [
  'logit_bias',
  'logprobs',
  'top_logprobs',
  'presence_penalty',
  'frequency_penalty',
  'modalities',
  'audio',
  'prediction',
  'web_search_options',
  'functions',
  'function_call',
];
/** Tiers that both APIs know by the same name. */
const TIERS: ReadonlySet<unknown> = new Set(['flex', 'priority']);

/** How the answer's shape is enforced. */
export type StructuredBy = 'none' | 'format' | 'tool';

/** Where the shape of the answer comes from. */
export function structuredBy({ response_format: format }: ChatRequest, deployment: DeploymentView): StructuredBy {
  if (format?.type === 'json_object') return 'tool';
  return format?.type === 'json_schema' ? traitsOf(deployment).structured : 'none';
}

/** Members of a chat request that this deployment cannot honour. */
export function converseGaps(request: ChatRequest, deployment: DeploymentView): readonly CapabilityGap[] {
  const gaps = withoutFanOut(capabilityGaps(request, deployment.capabilities), request);
  gaps.push(...counterpartGaps(request, WITHOUT_COUNTERPART, 'Bedrock'));
  if (asksFor(request, 'service_tier') && !TIERS.has(request['service_tier']))
    gaps.push(gap('service_tier', 'Bedrock knows auto, default, flex and priority'));
  gaps.push(...samplingGaps(request, deployment), ...turnGaps(request, deployment), ...toolGaps(request, deployment));
  gaps.push(...reasoningGaps(request, deployment));
  return uniqueGaps(gaps);
}

function samplingGaps(request: ChatRequest, deployment: DeploymentView): CapabilityGap[] {
  const gaps: CapabilityGap[] = [];
  if ((request.temperature ?? 0) > 1) gaps.push(gap('temperature', 'Bedrock allows at most 1'));
  if (!traitsOf(deployment).fixedSampling) return gaps;
  for (const member of ['temperature', 'top_p']) {
    if (asksFor(request, member)) gaps.push(gap(member, 'fixed by the model'));
  }
  return gaps;
}

function turnGaps({ messages }: ChatRequest, { capabilities }: DeploymentView): CapabilityGap[] {
  const gaps: CapabilityGap[] = [];
  const spoken = messages.filter(({ role }) => role !== 'system' && role !== 'developer');
  if (spoken[0] === undefined || spoken[0].role === 'assistant')
    gaps.push(gap('messages', 'the conversation must begin with a message of the user'));
  if (spoken.at(-1)?.role === 'assistant' && !capabilities.prefill)
    gaps.push(gap('messages', 'the last message may not be one of the assistant'));
  for (const { content } of messages) {
    if (!Array.isArray(content)) continue;
    for (const part of content as readonly ContentPart[]) {
      if (!canTake(part)) gaps.push(gap(`messages.${part.type}`, 'Bedrock takes inline bytes of formats it knows'));
    }
  }
  return gaps;
}

function toolGaps(request: ChatRequest, deployment: DeploymentView): CapabilityGap[] {
  const gaps: CapabilityGap[] = [];
  const tools = request.tools ?? [];
  const choice = request.tool_choice ?? undefined;
  if (structuredBy(request, deployment) === 'tool' && tools.length > 0)
    gaps.push(gap('response_format', 'not together with tools'));
  if (typeof choice === 'object' && choice.function === undefined)
    gaps.push(gap('tool_choice', 'only auto, none, required or one function'));
  if (tools.some(({ type }) => type !== 'function')) gaps.push(gap('tools', 'only functions'));
  if (tools.length > 0 && request.parallel_tool_calls === false && deployment.capabilities.parallelTools)
    gaps.push(gap('parallel_tool_calls', 'cannot be switched off'));
  return gaps;
}

function reasoningGaps(request: ChatRequest, deployment: DeploymentView): CapabilityGap[] {
  if (!wantsReasoning(request, deployment)) return [];
  const style = traitsOf(deployment).reasoning;
  const gaps: CapabilityGap[] = [];
  if (!effortsOf(style).includes(String(request.reasoning_effort)))
    gaps.push(gap('reasoning_effort', 'this model does not take it, or not so much'));
  if (style !== 'adaptive' && style !== 'budget') return gaps;
  if (isForced(request, deployment)) gaps.push(gap('reasoning_effort', 'not together with a forced tool'));
  if (isSet(request.temperature) && request.temperature !== 1)
    gaps.push(gap('temperature', 'fixed while the model reasons'));
  return gaps;
}

/** Advisory members are never sent. */
export function ignoredMembers(request: ChatRequest): readonly string[] {
  return ADVISORY.filter((member) => isSet(request[member]));
}

function wantsReasoning(request: ChatRequest, { capabilities }: DeploymentView): boolean {
  return capabilities.reasoning && asksFor(request, 'reasoning_effort');
}

function isForced(request: ChatRequest, deployment: DeploymentView): boolean {
  if (structuredBy(request, deployment) === 'tool') return true;
  return request.tool_choice === 'required' || typeof (request.tool_choice ?? '') === 'object';
}

/** The body for `POST /model/{id}/converse` and `…/converse-stream`. Source: AWS, Bedrock API reference, Converse. */
export function converseBody(call: UpstreamCall): JsonObject {
  const request = call.request as ChatRequest;
  const { deployment } = call;
  const { maxOutput } = deployment.capabilities;
  const maxTokens = Math.max(1, maxOutput > 0 ? Math.min(call.outputBound, maxOutput) : call.outputBound);
  const fields = reasoningOf(request, deployment, maxTokens);
  const traits = traitsOf(deployment);
  const isClaudeThinking = fields?.['thinking'] !== undefined;
  const { system, turns } = conversation(request.messages, {
    withReasoning: isClaudeThinking,
    cachePoints: traits.cachePoints,
  });
  const tier = request['service_tier'];
  return {
    messages: turns,
    ...(system.length === 0 ? {} : { system }),
    inferenceConfig: { maxTokens, ...(isClaudeThinking ? {} : samplingOf(request)), ...stopOf(request) },
    ...toolConfigOf(request, deployment),
    ...formatOf(request, deployment),
    ...(fields === null ? {} : { additionalModelRequestFields: fields }),
    ...guardrailOf(deployment),
    ...(TIERS.has(tier) ? { serviceTier: { type: tier } } : {}),
  };
}

function samplingOf({ temperature, top_p: topP }: ChatRequest): JsonObject {
  return { ...(isSet(temperature) ? { temperature } : {}), ...(isSet(topP) ? { topP } : {}) };
}

function stopOf({ stop }: ChatRequest): JsonObject {
  const sequences = typeof stop === 'string' ? [stop] : (stop ?? []);
  return sequences.length === 0 ? {} : { stopSequences: sequences };
}

function reasoningOf(request: ChatRequest, deployment: DeploymentView, maxTokens: number): JsonObject | null {
  if (!wantsReasoning(request, deployment)) return null;
  const style = traitsOf(deployment).reasoning;
  const isClaude = style === 'adaptive' || style === 'budget';
  if (isClaude && (isForced(request, deployment) || !canThinkOn(request.messages))) return null;
  return reasoningFields(style, request.reasoning_effort ?? 'medium', maxTokens);
}

function formatOf(request: ChatRequest, deployment: DeploymentView): JsonObject {
  if (structuredBy(request, deployment) !== 'format') return {};
  const { json_schema: wanted } = request.response_format ?? {};
  const jsonSchema = {
    schema: JSON.stringify(wanted?.schema ?? { type: 'object' }),
    ...(wanted?.name === undefined ? {} : { name: wanted.name }),
    ...(wanted?.description === undefined ? {} : { description: wanted.description }),
  };
  return { outputConfig: { textFormat: { type: 'json_schema', structure: { jsonSchema } } } };
}

function toolConfigOf(request: ChatRequest, deployment: DeploymentView): JsonObject {
  if (structuredBy(request, deployment) === 'tool') {
    const { json_schema: wanted } = request.response_format ?? {};
    const description = wanted?.description ?? 'Gives the final answer.';
    const tool = specOf(ANSWER_TOOL, description, wanted?.schema ?? { type: 'object' });
    return { toolConfig: { tools: [tool], toolChoice: { tool: { name: ANSWER_TOOL } } } };
  }
  const tools = request.tool_choice === 'none' ? [] : (request.tools ?? []);
  if (tools.length > 0) {
    const isStrict = traitsOf(deployment).structured === 'format';
    return { toolConfig: { tools: tools.map((tool) => toolOf(tool, isStrict)), ...choiceOf(request) } };
  }
  if (!hasToolHistory(request.messages)) return {};
  const placeholder = specOf(PLACEHOLDER_TOOL, 'Not available. Never call it.', { type: 'object', properties: {} });
  return { toolConfig: { tools: [placeholder] } };
}

const specOf = (name: string, description: string | undefined, schema: unknown): JsonObject => ({
  toolSpec: { name, ...(textOf(description) === undefined ? {} : { description }), inputSchema: { json: schema } },
});

/** `strict` goes only to models that can hold to a schema; others refuse the member. */
function toolOf({ function: described }: Tool, isStrict: boolean): JsonObject {
  const schema = described?.parameters ?? { type: 'object', properties: {} };
  const { toolSpec } = specOf(described?.name ?? '', described?.description, schema);
  return isStrict && described?.strict === true
    ? { toolSpec: { ...(toolSpec as JsonObject), strict: true } }
    : { toolSpec };
}

function choiceOf({ tool_choice: choice }: ChatRequest): JsonObject {
  if (choice === 'required') return { toolChoice: { any: {} } };
  if (typeof choice !== 'object' || choice === null) return {};
  return { toolChoice: { tool: { name: choice.function?.name ?? '' } } };
}

/** A guardrail of the account that the operator lays over all calls of a provider: quirk `guardrail` with `identifier` and
 *  `version`. */
function guardrailOf({ quirks, capabilities }: DeploymentView): JsonObject {
  const { guardrail } = quirks;
  if (typeof guardrail !== 'object' || guardrail === null) return {};
  const { identifier, version } = guardrail as JsonObject;
  if (typeof identifier !== 'string' || typeof version !== 'string') return {};
  const mode = capabilities.stream ? { streamProcessingMode: 'sync' } : {};
  return { guardrailConfig: { guardrailIdentifier: identifier, guardrailVersion: version, ...mode } };
}
