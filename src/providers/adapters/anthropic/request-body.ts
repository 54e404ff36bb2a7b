import type { ChatRequest, Tool, ToolChoice } from '../../../openai/index.js';
import type { CapabilityGap, DeploymentView, UpstreamCall } from '../adapter.js';
import { ADVISORY, asksFor, capabilityGaps, counterpartGaps, gap, uniqueGaps } from '../capability-gaps.js';
import { withoutFanOut } from '../fan-out.js';
import { isSet, type JsonObject } from '../json-value.js';
import { claudeBudget } from '../reasoning-budgets.js';
import { canThinkOn, systemBlocks, turns } from './messages.js';
import { traitsOf } from './model-traits.js';

/** The tool whose arguments are the answer, where a model has no JSON schemas of its own. */
export const ANSWER_TOOL = 'structured_answer';

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
  'service_tier',
  'functions',
  'function_call',
];

/** How the answer's shape is enforced. */
export type StructuredBy = 'none' | 'format' | 'tool';

/** Where the shape of the answer comes from. */
export function structuredBy({ response_format: format }: ChatRequest, deployment: DeploymentView): StructuredBy {
  if (format?.type === 'json_object') return 'tool';
  return format?.type === 'json_schema' ? traitsOf(deployment).structured : 'none';
}

/** Members of a chat request that this deployment cannot honour. */
export function messagesGaps(request: ChatRequest, deployment: DeploymentView): readonly CapabilityGap[] {
  const gaps = withoutFanOut(capabilityGaps(request, deployment.capabilities), request);
  gaps.push(...counterpartGaps(request, WITHOUT_COUNTERPART, 'Anthropic'));
  if ((request.temperature ?? 0) > 1) gaps.push(gap('temperature', 'Anthropic allows at most 1'));
  if (request.messages.at(-1)?.role === 'assistant' && !deployment.capabilities.prefill) {
    gaps.push(gap('messages', 'the last message may not be one of the assistant'));
  }
  gaps.push(...toolGaps(request, deployment), ...thinkingGaps(request, deployment), ...partGaps(request));
  return uniqueGaps(gaps);
}

function toolGaps(request: ChatRequest, deployment: DeploymentView): CapabilityGap[] {
  const gaps: CapabilityGap[] = [];
  const tools = request.tools ?? [];
  const choice = request.tool_choice ?? undefined;
  if (structuredBy(request, deployment) === 'tool' && tools.length > 0)
    gaps.push(gap('response_format', 'not together with tools'));
  if (typeof choice === 'object' && choice.function === undefined) {
    gaps.push(gap('tool_choice', 'only auto, none, required or one function'));
  }
  if (tools.some(({ type }) => type !== 'function')) gaps.push(gap('tools', 'only functions'));
  return gaps;
}

function thinkingGaps(request: ChatRequest, deployment: DeploymentView): CapabilityGap[] {
  if (!wantsThinking(request, deployment)) return [];
  const gaps: CapabilityGap[] = [];
  if (isForced(request, deployment)) gaps.push(gap('reasoning_effort', 'not together with a forced tool'));
  if (isSet(request.temperature) && request.temperature !== 1)
    gaps.push(gap('temperature', 'fixed while the model reasons'));
  return gaps;
}

function partGaps({ messages }: ChatRequest): CapabilityGap[] {
  const gaps: CapabilityGap[] = [];
  for (const { content } of messages) {
    if (!Array.isArray(content)) continue;
    for (const part of content as readonly { readonly type: string; readonly file?: { readonly file_id?: string } }[]) {
      if (part.type === 'input_audio') gaps.push(gap('messages.input_audio', 'no audio'));
      if (part.type === 'file' && part.file?.file_id !== undefined)
        gaps.push(gap('messages.file', 'files must be inline'));
    }
  }
  return gaps;
}

/** Advisory members are never sent. */
export function ignoredMembers(request: ChatRequest): readonly string[] {
  return ADVISORY.filter((member) => isSet(request[member]));
}

function wantsThinking(request: ChatRequest, deployment: DeploymentView): boolean {
  return deployment.capabilities.reasoning && asksFor(request, 'reasoning_effort');
}

function isForced(request: ChatRequest, deployment: DeploymentView): boolean {
  if (structuredBy(request, deployment) === 'tool') return true;
  return (
    request.tool_choice === 'required' || (typeof request.tool_choice === 'object' && request.tool_choice !== null)
  );
}

/** The body for `POST /v1/messages`. Source: Anthropic API reference, Messages, version 2023-06-01. */
export function messagesBody(call: UpstreamCall): JsonObject {
  const request = call.request as ChatRequest;
  const { deployment } = call;
  const { maxOutput, stream } = deployment.capabilities;
  const maxTokens = Math.max(1, maxOutput > 0 ? Math.min(call.outputBound, maxOutput) : call.outputBound);
  const { output_config: effort, thinking } = thinkingOf(request, deployment, maxTokens);
  const system = systemBlocks(request.messages);
  const output = { ...effort, ...formatOf(request, deployment) };
  return {
    model: deployment.upstreamModel,
    max_tokens: maxTokens,
    ...(system.length === 0 ? {} : { system }),
    messages: turns(request.messages, thinking !== undefined),
    ...toolsOf(request, deployment),
    ...(thinking === undefined ? samplingOf(request) : { thinking }),
    ...(Object.keys(output).length === 0 ? {} : { output_config: output }),
    ...stopOf(request),
    ...(call.endUser === '' ? {} : { metadata: { user_id: call.endUser } }),
    ...(stream ? { stream: true } : {}),
  };
}

/** Sampling is fixed while the model thinks. */
function samplingOf({ temperature, top_p: topP }: ChatRequest): JsonObject {
  return { ...(isSet(temperature) ? { temperature } : {}), ...(isSet(topP) ? { top_p: topP } : {}) };
}

function stopOf({ stop }: ChatRequest): JsonObject {
  const sequences = typeof stop === 'string' ? [stop] : (stop ?? []);
  return sequences.length === 0 ? {} : { stop_sequences: sequences };
}

interface Thinking {
  readonly thinking?: JsonObject;
  readonly output_config?: JsonObject;
}

/** Too small a bound leaves thinking off. */
function thinkingOf(request: ChatRequest, deployment: DeploymentView, maxTokens: number): Thinking {
  if (!wantsThinking(request, deployment) || isForced(request, deployment) || !canThinkOn(request.messages)) return {};
  const effort = request.reasoning_effort ?? 'medium';
  if (traitsOf(deployment).reasoning === 'effort') {
    return { thinking: { type: 'adaptive' }, output_config: { effort: effort === 'xhigh' ? 'max' : effort } };
  }
  const budget = claudeBudget(effort, maxTokens);
  return budget === null ? {} : { thinking: { type: 'enabled', budget_tokens: budget } };
}

function formatOf(request: ChatRequest, deployment: DeploymentView): JsonObject {
  if (structuredBy(request, deployment) !== 'format') return {};
  return {
    format: { type: 'json_schema', schema: request.response_format?.json_schema?.schema ?? { type: 'object' } },
  };
}

function toolsOf(request: ChatRequest, deployment: DeploymentView): JsonObject {
  if (structuredBy(request, deployment) === 'tool') {
    const { json_schema: wanted } = request.response_format ?? {};
    const description = wanted?.description ?? 'Gives the final answer.';
    const tool = { name: ANSWER_TOOL, description, input_schema: wanted?.schema ?? { type: 'object' } };
    return { tools: [tool], tool_choice: { type: 'tool', name: ANSWER_TOOL } };
  }
  const { tools } = request;
  if (tools === undefined || tools === null || tools.length === 0) return {};
  const choice = choiceOf(request.tool_choice ?? undefined, request.parallel_tool_calls === false);
  return { tools: tools.map(toolOf), ...(choice === null ? {} : { tool_choice: choice }) };
}

function toolOf({ function: described }: Tool): JsonObject {
  const description = described?.description;
  return {
    name: described?.name ?? '',
    ...(description === undefined || description === '' ? {} : { description }),
    input_schema: described?.parameters ?? { type: 'object', properties: {} },
  };
}

function choiceOf(choice: ToolChoice | undefined, isSerial: boolean): JsonObject | null {
  const serial = isSerial ? { disable_parallel_tool_use: true } : {};
  if (choice === 'none') return { type: 'none' };
  if (choice === 'required') return { type: 'any', ...serial };
  if (typeof choice === 'object') return { type: 'tool', name: choice.function?.name ?? '', ...serial };
  return isSerial ? { type: 'auto', ...serial } : null;
}
