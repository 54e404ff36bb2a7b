/** What an error code means to a caller: HTTP status, OpenAI-style type, and whether waiting can cure it. */
export interface ErrorEntry {
  readonly status: number;
  readonly type: string;
  readonly shouldRetry: boolean;
}

const entry = (status: number, type: string, shouldRetry = false): ErrorEntry => ({ status, type, shouldRetry });
const INVALID = 'invalid_request_error';
const PERMISSION = 'permission_error';

/** Every code this product answers with. A code is never reused; `docs/errors.md` has a heading for each. */
export const CATALOGUE = {
  invalid_json: entry(400, INVALID),
  invalid_value: entry(400, INVALID),
  unknown_parameter: entry(400, INVALID),
  unsupported_parameter: entry(400, INVALID),
  context_length_exceeded: entry(400, INVALID),
  upstream_rejected: entry(400, INVALID),
  missing_credentials: entry(401, 'authentication_error'),
  invalid_token: entry(401, 'authentication_error'),
  budget_exceeded: entry(402, 'insufficient_quota'),
  max_cost_exceeded: entry(402, 'insufficient_quota'),
  insufficient_scope: entry(403, PERMISSION),
  investigation_required: entry(403, PERMISSION),
  investigation_forbidden: entry(403, PERMISSION),
  purpose_required: entry(403, PERMISSION),
  model_forbidden: entry(403, PERMISSION),
  criticality_forbidden: entry(403, PERMISSION),
  classification_forbidden: entry(403, PERMISSION),
  four_eyes_required: entry(403, PERMISSION),
  model_not_found: entry(404, INVALID),
  unknown_url: entry(404, INVALID),
  not_found: entry(404, INVALID),
  method_not_allowed: entry(405, INVALID),
  request_in_progress: entry(409, 'idempotency_error', true),
  conflict: entry(409, INVALID),
  managed_by_file: entry(409, INVALID),
  export_not_ready: entry(409, INVALID, true),
  version_conflict: entry(412, INVALID),
  request_too_large: entry(413, INVALID),
  unsupported_media_type: entry(415, INVALID),
  idempotency_key_reused: entry(422, 'idempotency_error'),
  no_eligible_provider: entry(422, 'policy_error'),
  reason_required: entry(422, INVALID),
  price_unknown: entry(422, INVALID),
  price_not_exact: entry(422, INVALID),
  precondition_required: entry(428, INVALID),
  quota_exceeded: entry(429, 'rate_limit_error', true),
  concurrency_exceeded: entry(429, 'rate_limit_error', true),
  budget_contended: entry(429, 'rate_limit_error', true),
  internal_error: entry(500, 'server_error'),
  all_providers_failed: entry(502, 'upstream_error', true),
  capacity_shed: entry(503, 'overloaded_error', true),
  no_capacity: entry(503, 'overloaded_error', true),
  draining: entry(503, 'overloaded_error', true),
  dependency_unavailable: entry(503, 'server_error', true),
  audit_safe_stop: entry(503, 'server_error', true),
  upstream_timeout: entry(504, 'upstream_error', true),
  deadline_exceeded: entry(504, 'upstream_error', true),
} as const satisfies Record<string, ErrorEntry>;

/** A code of the {@link CATALOGUE}. */
export type ErrorCode = keyof typeof CATALOGUE;
