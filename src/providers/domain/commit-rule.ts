import type { CallInput } from './call.js';
import type { Deployment } from './deployment.js';
import type { CommitOn } from './hold-back.js';

/** Vendors that report errors of a tool call after reasoning was sent. */
const LATE_TOOL_ERRORS: ReadonlySet<string> = new Set(['groq']);

/** What must have arrived before an answer leaves. An answer that is collected leaves as a whole, so until its end another candidate
 *  may still give it. */
export function commitRule(
  { rules, request }: Pick<CallInput, 'rules' | 'request'>,
  { vendor }: Pick<Deployment, 'vendor'>,
): CommitOn {
  if (request['stream'] !== true) return 'end';
  const wished = rules?.commitOn ?? 'default';
  if (wished !== 'default') return wished;
  const { tools } = request;
  return Array.isArray(tools) && tools.length > 0 && LATE_TOOL_ERRORS.has(vendor) ? 'content' : 'any';
}
