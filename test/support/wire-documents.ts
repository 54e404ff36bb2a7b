/** The documents that the wire contract §4 publishes: a client that sends them must be served as long as this product lives. */
export const WIRE_DOCUMENTS = {
  TokenUsage: `query TokenUsage($f: UsageFilter!) { usage(filter: $f, granularity: DAY, groupBy: [PROVIDER, MODEL]) {
    asOf currency truncated points { start key { dimension id label }
      totals { requests tokens { input cachedInput cacheWrite output reasoning total } cost { amount currency } } } } }`,
  CostByCaseAndUser: `query CostByCaseAndUser($f: UsageFilter!, $after: String) {
    costAttribution(filter: $f, by: [INVESTIGATION, USER], first: 100, after: $after) {
      edges { cursor node { key { dimension label } share totals { requests cost { amount currency } unconfirmed { amount } }
        auditFirstSeq auditLastSeq } } pageInfo { hasNextPage endCursor } } }`,
  RateLimitState: `query RateLimitState($who: SubjectInput) {
    rateLimits(subject: $who) { policy unit limit used reserved remaining resetsAt }
    capacity { deployment { provider model } breaker inFlight concurrencyLimit
      limits { unit limit used reserved remaining source resetsAt exhaustsInSeconds } } }`,
  Budgets: `query Budgets { budgets(filter: {state: [WARNING, CRITICAL, EXHAUSTED]}) { edges { node {
    id name scope { type label } enforcement onExhausted windows {
      period startsAt endsAt limit posted held available state forecast { expected { amount } exhaustsAt why }
      thresholds { at unit basis firing since } } } } } }`,
  WouldThisRun: `query WouldThisRun($i: QuotaCheckInput!) { quotaCheck(input: $i) {
    allowed code message worstCase { amount currency } retryAfterSeconds limits { policy remaining } budgets { id available } } }`,
  Explain: `query Explain($id: ID!) { request(id: $id) { outcome requestedModel answeredModel
    attempts { n deployment outcome ttftMs cost { amount } usageSource } rejected { deployment reason }
    reserved { amount } cost { amount } auditReceipt } }`,
  CapOperation: `mutation CapOperation($i: CreateBudgetInput!) { createBudget(input: $i) {
    ... on Budget { id version windows { id limit } } ... on Problem { code violations { field rule } } } }`,
  UserLimit: `mutation UserLimit($i: SetQuotaInput!) { setQuota(input: $i) {
    ... on Quota { id version state { remaining } } ... on Problem { code message } } }`,
  BreakGlass: `mutation BreakGlass($i: OverrideInput!) { requestOverride(input: $i) {
    ... on Override { id state expiresAt reviewDueAt } ... on Problem { code message } } }`,
  Wall: `subscription Wall { dashboard { seq asOf capacityLeftRatio requestsPerSecond surge shedding
    capacity { deployment { provider model } breaker limits { unit used reserved remaining } } } }`,
  Alerts: `subscription Alerts { budgetEvents { type at budget threshold { at basis level } window { posted held limit } } }`,
};

/** What of them this version does not serve, in the words of the validator. An entry that no longer holds fails the test, as does
 *  a new one. */
export const NOT_SERVED: Partial<Record<keyof typeof WIRE_DOCUMENTS, readonly string[]>> = {
  CostByCaseAndUser: [
    'Cannot query field "auditFirstSeq" on type "CostNode".',
    'Cannot query field "auditLastSeq" on type "CostNode".',
  ],
  Budgets: [
    'Cannot query field "label" on type "BudgetScope".',
    'Cannot query field "forecast" on type "BudgetWindow".',
  ],
  WouldThisRun: ['Unknown type "QuotaCheckInput".', 'Cannot query field "quotaCheck" on type "Query".'],
  UserLimit: ['Cannot query field "state" on type "Quota".'],
  BreakGlass: ['Cannot query field "reviewDueAt" on type "Override".'],
  Alerts: [
    'Cannot query field "budget" on type "BudgetEvent".',
    'Cannot query field "threshold" on type "BudgetEvent".',
    'Cannot query field "window" on type "BudgetEvent".',
  ],
};
