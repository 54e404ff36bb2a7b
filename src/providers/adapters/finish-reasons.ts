import type { FinishReason } from '../../openai/index.js';

/** Finish names of OpenAI-compatible vendors. */
const FINISH: Readonly<Record<string, FinishReason | 'server' | 'overloaded'>> = {
  stop: 'stop',
  eos: 'stop',
  eos_token: 'stop',
  end_turn: 'stop',
  stop_sequence: 'stop',
  length: 'length',
  max_tokens: 'length',
  model_length: 'length',
  tool_calls: 'tool_calls',
  tool_call: 'tool_calls',
  tool_use: 'tool_calls',
  function_call: 'function_call',
  content_filter: 'content_filter',
  safety: 'content_filter',
  sensitive: 'content_filter',
  error: 'server',
  network_error: 'server',
  insufficient_system_resource: 'overloaded',
};

/** What a vendor's finish name means: a reason, or the class of a failure. Unknown names are `stop`, never fatal. */
export function readFinish(name: string): FinishReason | 'server' | 'overloaded' {
  return Object.hasOwn(FINISH, name) ? (FINISH[name] ?? 'stop') : 'stop';
}
