import type { CallInput } from './call.js';
import type { Deployment } from './deployment.js';

/** Vendors that report errors of a tool call after reasoning was sent. */
const LATE_TOOL_ERRORS: ReadonlySet<string> = new Set(['groq']);

/** What counts as the first valid delta of an answer. */
export function commitRule(
  { rules, request }: Pick<CallInput, 'rules' | 'request'>,
  { vendor }: Pick<Deployment, 'vendor'>,
): 'any' | 'content' {
  const wished = rules?.commitOn ?? 'default';
  if (wished !== 'default') return wished;
  const { tools } = request;
  return Array.isArray(tools) && tools.length > 0 && LATE_TOOL_ERRORS.has(vendor) ? 'content' : 'any';
}
