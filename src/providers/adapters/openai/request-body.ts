import type { ChatMessage, ChatRequest } from '../../../openai/index.js';
import type { CapabilityGap, DeploymentView, UpstreamCall } from '../adapter.js';
import { ADVISORY, asksFor, capabilityGaps, gap, uniqueGaps } from '../capability-gaps.js';
import { isSet } from '../json-value.js';
import { derivedName } from '../tool-calls.js';
import type { Quirks } from './quirks.js';

/** Members that every OpenAI-compatible vendor understands. */
const COMMON: ReadonlySet<string> = new Set([
  'messages',
  'temperature',
  'top_p',
  'n',
  'stop',
  'seed',
  'presence_penalty',
  'frequency_penalty',
  'logit_bias',
  'logprobs',
  'top_logprobs',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'functions',
  'function_call',
  'response_format',
  'reasoning_effort',
]);
/** Members that we set ourselves, or that are ours. */
const OWN: ReadonlySet<string> = new Set([
  'model',
  'models',
  'aip',
  'stream',
  'stream_options',
  'max_tokens',
  'max_completion_tokens',
  'store',
  'user',
  'safety_identifier',
  'metadata',
]);
const NEEDS_TOOLS: ReadonlySet<string> = new Set(['tool_choice', 'parallel_tool_calls']);
const SHORT_ID = /^[A-Za-z0-9]{9}$/;

/** True when the vendor takes the member as it is. */
function passes(member: string, quirks: Quirks, deployment: DeploymentView): boolean {
  if (quirks.refuses.includes(member)) return false;
  if (deployment.capabilities.reasoning && quirks.reasoningRefuses.includes(member)) return false;
  if (deployment.capabilities.unsupported.includes(member)) return false;
  if (member === 'seed' && !deployment.capabilities.seed) return false;
  return COMMON.has(member) || quirks.accepts.includes(member);
}

/** Members of a chat request that this deployment cannot honour. */
export function chatGaps(request: ChatRequest, quirks: Quirks, deployment: DeploymentView): readonly CapabilityGap[] {
  const gaps = capabilityGaps(request, deployment.capabilities);
  for (const member in request) {
    if (OWN.has(member) || ADVISORY.includes(member) || passes(member, quirks, deployment)) continue;
    if (asksFor(request, member)) gaps.push(gap(member, 'not supported by this vendor'));
  }
  return uniqueGaps(gaps);
}

/** Advisory members of a request that are not sent. */
export function ignoredMembers(request: ChatRequest, quirks: Quirks, deployment: DeploymentView): readonly string[] {
  return ADVISORY.filter((member) => isSet(request[member]) && !passes(member, quirks, deployment));
}

/** The vendor's body: members keep their order; changed are the model, the bound, streaming and what the quirks name. */
export function chatBody(call: UpstreamCall, quirks: Quirks): Readonly<Record<string, unknown>> {
  const request = call.request as ChatRequest;
  const { deployment } = call;
  const body: Record<string, unknown> = { model: deployment.upstreamModel };
  for (const member in request) {
    if (OWN.has(member) || !passes(member, quirks, deployment) || !isWanted(request, member)) continue;
    body[member === 'seed' ? quirks.seedMember : member] = request[member];
  }
  body['messages'] = messagesFor(request.messages, quirks);
  if (body['tool_choice'] === 'required') body['tool_choice'] = quirks.requiredToolChoice;
  return Object.assign(body, settingsOf(call, quirks));
}

/** What we decide ourselves: the bound, streaming, retention and the pseudonym. */
function settingsOf(
  { deployment, request, outputBound, endUser }: UpstreamCall,
  quirks: Quirks,
): Record<string, unknown> {
  const { maxOutput, stream } = deployment.capabilities;
  const settings: Record<string, unknown> = {
    [quirks.boundMember]: maxOutput > 0 ? Math.min(outputBound, maxOutput) : outputBound,
  };
  if (stream) settings['stream'] = true;
  if (stream && quirks.streamOptions) settings['stream_options'] = streamOptions(request as ChatRequest);
  if (quirks.sendsStore) settings['store'] = false;
  if (quirks.endUserMember !== '' && endUser !== '') settings[quirks.endUserMember] = endUser;
  return settings;
}

/** Empty wishes are left out: some vendors refuse a null or a choice without tools. */
function isWanted(request: ChatRequest, member: string): boolean {
  const value = request[member];
  if (!isSet(value)) return false;
  if (NEEDS_TOOLS.has(member)) return (request.tools?.length ?? 0) > 0;
  return member !== 'tools' || (request.tools?.length ?? 0) > 0;
}

function streamOptions(request: ChatRequest): Readonly<Record<string, unknown>> {
  const obfuscation = request.stream_options?.['include_obfuscation'];
  return typeof obfuscation === 'boolean'
    ? { include_usage: true, include_obfuscation: obfuscation }
    : { include_usage: true };
}

function messagesFor(messages: readonly ChatMessage[], quirks: Quirks): readonly ChatMessage[] {
  return messages.map((message) => messageFor(message, quirks));
}

function messageFor(message: ChatMessage, quirks: Quirks): ChatMessage {
  let changed = message;
  const role = roleFor(message.role, quirks);
  if (role !== message.role) changed = { ...changed, role };
  if (
    message['extra_content'] !== undefined ||
    (!quirks.keepsReasoning && message['reasoning_content'] !== undefined)
  ) {
    const { extra_content: _extra, reasoning_content: reasoning, ...rest } = changed;
    changed = quirks.keepsReasoning && reasoning !== undefined ? { ...rest, reasoning_content: reasoning } : rest;
  }
  return quirks.shortToolIds ? withShortIds(changed) : changed;
}

function roleFor(role: string, quirks: Quirks): string {
  const isInstruction = role === 'system' || role === 'developer';
  if (isInstruction && quirks.instructionsAsUser) return 'user';
  return role === 'developer' && quirks.developerAsSystem ? 'system' : role;
}

const shortId = (id: string): string => (SHORT_ID.test(id) ? id : derivedName(id, 9));

/** One id becomes the same short id wherever it stands. */
function withShortIds(message: ChatMessage): ChatMessage {
  const { tool_calls: calls, tool_call_id: id } = message;
  if (id !== undefined) return { ...message, tool_call_id: shortId(id) };
  if (calls === undefined || calls === null) return message;
  return { ...message, tool_calls: calls.map((call) => ({ ...call, id: shortId(call.id) })) };
}
