import type { ChatRequest, ContentPart, Tool, ToolChoice } from '../../../openai/index.js';
import type { CapabilityGap, DeploymentView, UpstreamCall } from '../adapter.js';
import { ADVISORY, capabilityGaps, counterpartGaps, gap, uniqueGaps } from '../capability-gaps.js';
import { choicesOf, MAX_FAN_OUT, withoutFanOut } from '../fan-out.js';
import { isSet, type JsonObject } from '../json-value.js';
import { contentsOf, systemParts } from './contents.js';
import { isAddress } from './media.js';
import { traitsOf } from './model-traits.js';

/** Members without a counterpart. */
const WITHOUT_COUNTERPART = [
  'logit_bias',
  'modalities',
  'audio',
  'prediction',
  'web_search_options',
  'service_tier',
  'functions',
  'function_call',
];
/** Tokens to think with, by effort. Source: Gemini API, OpenAI compatibility, thinking. */
const BUDGETS: Readonly<Record<string, number>> = {
  none: 0,
  minimal: 1_024,
  low: 1_024,
  medium: 8_192,
  high: 24_576,
  xhigh: 24_576,
  max: 24_576,
};
/** Least budget of models that cannot do without. */
const LEAST_PRO_BUDGET = 128;
const LEVELS: Readonly<Record<string, string>> = {
  none: 'MINIMAL',
  minimal: 'MINIMAL',
  low: 'LOW',
  medium: 'MEDIUM',
  high: 'HIGH',
  xhigh: 'HIGH',
  max: 'HIGH',
};

/** Members of a chat request that this deployment cannot honour. */
export function generateGaps(request: ChatRequest, deployment: DeploymentView): readonly CapabilityGap[] {
  const { capabilities } = deployment;
  const covered = capabilityGaps(request, capabilities);
  const gaps = capabilities.n ? covered : withoutFanOut(covered, request);
  gaps.push(...counterpartGaps(request, WITHOUT_COUNTERPART, 'Gemini'));
  if (choicesOf(request) > MAX_FAN_OUT) gaps.push(gap('n', 'at most 8 choices'));
  gaps.push(...toolGaps(request, deployment), ...partGaps(request));
  return uniqueGaps(gaps);
}

function toolGaps(request: ChatRequest, deployment: DeploymentView): CapabilityGap[] {
  const gaps: CapabilityGap[] = [];
  const { tool_choice: choice } = request;
  const tools = request.tools ?? [];
  if (tools.some(({ type }) => type !== 'function')) gaps.push(gap('tools', 'only functions'));
  if (isSet(choice) && typeof choice === 'object' && choice?.function === undefined) {
    gaps.push(gap('tool_choice', 'only auto, none, required or one function'));
  }
  return tools.length === 0 ? gaps : [...gaps, ...besideTools(request, deployment)];
}

/** What cannot be had together with tools. */
function besideTools(request: ChatRequest, deployment: DeploymentView): CapabilityGap[] {
  const gaps: CapabilityGap[] = [];
  const { response_format: format } = request;
  if (request.parallel_tool_calls === false) gaps.push(gap('parallel_tool_calls', 'cannot be turned off'));
  const isShaped = format?.type === 'json_schema' || format?.type === 'json_object';
  if (isShaped && !traitsOf(deployment).structuredWithTools) {
    gaps.push(gap('response_format', 'not together with tools'));
  }
  return gaps;
}

function partGaps({ messages }: ChatRequest): CapabilityGap[] {
  const parts = messages.flatMap(({ content }) => (Array.isArray(content) ? (content as readonly ContentPart[]) : []));
  const isForeign = parts.some(({ file }) => file?.file_id !== undefined && !isAddress(file.file_id));
  return isForeign ? [gap('messages.file', 'files must be inline or named by an address')] : [];
}

/** Advisory members are not sent, but for a seed where the model takes one. */
export function ignoredMembers(request: ChatRequest, { capabilities }: DeploymentView): readonly string[] {
  return ADVISORY.filter((member) => isSet(request[member]) && !(member === 'seed' && capabilities.seed));
}

/** The body for `generateContent` and `streamGenerateContent`. Source: Gemini API reference, v1beta. */
export function generateBody(call: UpstreamCall): JsonObject {
  const request = call.request as ChatRequest;
  const { deployment } = call;
  const system = systemParts(request.messages);
  const contents = contentsOf(request.messages, traitsOf(deployment).signatures);
  // A request has to say something: instructions alone become what the user says.
  const hasContents = contents.length > 0;
  const { safetySettings } = deployment.quirks;
  return {
    contents: hasContents || system.length === 0 ? contents : [{ role: 'user', parts: system }],
    ...(system.length === 0 || !hasContents ? {} : { systemInstruction: { parts: system } }),
    ...toolsOf(request),
    generationConfig: generationConfig(call, request),
    ...(Array.isArray(safetySettings) ? { safetySettings } : {}),
  };
}

function generationConfig({ deployment, outputBound }: UpstreamCall, request: ChatRequest): JsonObject {
  const { maxOutput, seed, n, logprobs } = deployment.capabilities;
  const choices = choicesOf(request);
  const { stop } = request;
  const sequences = typeof stop === 'string' ? [stop] : (stop ?? []);
  const config: Readonly<Record<string, unknown>> = {
    maxOutputTokens: Math.max(1, maxOutput > 0 ? Math.min(outputBound, maxOutput) : outputBound),
    temperature: request.temperature,
    topP: request.top_p,
    seed: seed ? request['seed'] : undefined,
    presencePenalty: request['presence_penalty'],
    frequencyPenalty: request['frequency_penalty'],
    stopSequences: sequences.length === 0 ? undefined : sequences,
    candidateCount: n && choices > 1 ? choices : undefined,
    ...(logprobs && request['logprobs'] === true
      ? { responseLogprobs: true, logprobs: positive(request['top_logprobs']) }
      : {}),
    ...formatOf(request),
    thinkingConfig: thinkingOf(request, deployment),
  };
  return Object.fromEntries(Object.entries(config).filter(([, value]) => isSet(value)));
}

const positive = (value: unknown): number | undefined => (typeof value === 'number' && value > 0 ? value : undefined);

function formatOf({ response_format: format }: ChatRequest): JsonObject {
  if (format?.type !== 'json_schema' && format?.type !== 'json_object') return {};
  const schema = format.json_schema?.schema;
  return { responseMimeType: 'application/json', ...(schema === undefined ? {} : { responseJsonSchema: schema }) };
}

/** Thoughts are always asked for: they show that the model is at work. A model that cannot do without thinks as little as it may
 *  when asked for none. */
function thinkingOf(request: ChatRequest, deployment: DeploymentView): JsonObject | undefined {
  if (!deployment.capabilities.reasoning) return undefined;
  const { reasoning_effort: effort } = request;
  if (effort === undefined || effort === null) return { includeThoughts: true };
  const isPro = deployment.upstreamModel.includes('-pro');
  const shown = effort === 'none' ? {} : { includeThoughts: true };
  if (traitsOf(deployment).reasoning === 'level') {
    const level = LEVELS[effort] ?? 'MEDIUM';
    return { thinkingLevel: level === 'MINIMAL' && isPro ? 'LOW' : level, ...shown };
  }
  const budget = BUDGETS[effort] ?? BUDGETS['medium'] ?? 0;
  return { thinkingBudget: isPro ? Math.max(LEAST_PRO_BUDGET, budget) : budget, ...shown };
}

function toolsOf({ tools, tool_choice: choice }: ChatRequest): JsonObject {
  if (tools === undefined || tools === null || tools.length === 0) return {};
  const config = choiceOf(choice ?? undefined);
  return {
    tools: [{ functionDeclarations: tools.map(declarationOf) }],
    ...(config === null ? {} : { toolConfig: { functionCallingConfig: config } }),
  };
}

function declarationOf({ function: described }: Tool): JsonObject {
  const { name = '', description, parameters } = described ?? {};
  return {
    name,
    ...(description === undefined || description === '' ? {} : { description }),
    ...(parameters === undefined ? {} : { parametersJsonSchema: parameters }),
  };
}

function choiceOf(choice: ToolChoice | undefined): JsonObject | null {
  if (choice === 'none') return { mode: 'NONE' };
  if (choice === 'auto') return { mode: 'AUTO' };
  if (choice === 'required') return { mode: 'ANY' };
  if (typeof choice !== 'object') return null;
  return { mode: 'ANY', allowedFunctionNames: [choice.function?.name ?? ''] };
}
