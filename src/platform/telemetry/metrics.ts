import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

/** Every metric this process offers; one file knows the names. Labels come from closed sets only: no user, team,
 *  investigation, key or request ever becomes one. Source: the wire contract §7. */
@Injectable()
export class Metrics {
  readonly registry = new Registry();

  readonly httpRequests = this.#counter('aip_http_requests_total', 'Requests answered', ['route', 'code']);
  readonly overhead = this.#histogram('aip_gateway_overhead_seconds', 'Time a call spent in the gateway itself', []);
  readonly attempts = this.#counter('aip_provider_attempts_total', 'Attempts at partners', [
    'provider',
    'model',
    'outcome',
  ]);
  readonly attemptDuration = this.#histogram('aip_provider_attempt_duration_seconds', 'Duration of attempts', [
    'provider',
    'model',
  ]);
  readonly timeToFirstToken = this.#histogram(
    'aip_time_to_first_token_seconds',
    'Time until the first delta of an attempt',
    ['provider', 'model'],
  );
  readonly tokens = this.#counter('aip_tokens_total', 'Tokens charged', ['provider', 'model', 'kind']);
  readonly cost = this.#counter('aip_cost_total', 'Charges, for monitoring; never for billing', [
    'currency',
    'provider',
    'model',
  ]);
  readonly failovers = this.#counter('aip_failovers_total', 'Calls that moved to the next deployment', [
    'from',
    'to',
    'reason',
  ]);
  readonly capacityLimit = this.#gauge('aip_capacity_limit', 'Upstream limit as last reported', [
    'provider',
    'model',
    'unit',
  ]);
  readonly capacityReserved = this.#gauge('aip_capacity_reserved', 'Reserved of an upstream limit', [
    'provider',
    'model',
    'unit',
  ]);
  readonly capacityUsed = this.#gauge('aip_capacity_used', 'Used of an upstream limit', ['provider', 'model', 'unit']);
  readonly capacityRemaining = this.#gauge('aip_capacity_remaining', 'What is left of an upstream limit', [
    'provider',
    'model',
    'unit',
  ]);
  readonly capacityExhaustion = this.#gauge(
    'aip_capacity_exhaustion_seconds',
    'Time until an upstream limit is used up at the present rate; absent when it lasts',
    ['provider', 'model', 'unit'],
  );
  readonly concurrencyLimit = this.#gauge('aip_concurrency_limit', 'Attempts a deployment may have at once', [
    'provider',
    'model',
  ]);
  readonly concurrencyUsed = this.#gauge('aip_concurrency_used', 'Attempts that run', ['provider', 'model']);
  readonly requestsShed = this.#counter('aip_requests_shed_total', 'Calls refused because partners were busy', [
    'criticality',
    'reason',
  ]);
  readonly queueDepth = this.#gauge('aip_queue_depth', 'Calls that wait for a partner', ['criticality']);
  readonly breakerState = this.#gauge('aip_breaker_state', '1 for the state a breaker is in', [
    'provider',
    'model',
    'state',
  ]);
  readonly reservationsOpen = this.#gauge('aip_reservations_open', 'Holds of this replica that are not resolved', []);
  readonly reservationsExpired = this.#counter('aip_reservations_expired_total', 'Holds the reconciler resolved', []);
  readonly overruns = this.#counter('aip_overrun_total', 'Charges beyond the held amount', ['model']);
  readonly unconfirmedCost = this.#counter('aip_unconfirmed_cost_total', 'Charges nobody confirmed', ['currency']);
  readonly ledgerImbalance = this.#gauge('aip_ledger_imbalance', 'Findings of the last ledger check', []);
  readonly groupCommitItems = this.#histogram(
    'aip_group_commit_items',
    'Items of a flush',
    [],
    [1, 2, 4, 8, 16, 32, 64, 128, 256],
  );
  readonly groupCommitSeconds = this.#histogram('aip_group_commit_seconds', 'Duration of a flush', []);
  readonly auditChainOk = this.#gauge('aip_audit_chain_ok', '1 when the last verification passed', []);
  readonly auditLastVerified = this.#gauge(
    'aip_audit_last_verified_timestamp_seconds',
    'When the log was last verified',
    [],
  );
  readonly auditOpenIntents = this.#gauge('aip_audit_open_intents', 'Intents without a terminal record', []);
  readonly auditUnsequenced = this.#gauge('aip_audit_unsequenced_records', 'Records that are not in the tree yet', []);
  readonly auditSequenceLag = this.#gauge(
    'aip_audit_sequence_lag_seconds',
    'How long the oldest record waits that is not in the tree',
    [],
  );
  readonly auditCheckpointAge = this.#gauge(
    'aip_audit_checkpoint_age_seconds',
    'Age of the newest checkpoint while records wait to be covered by one; else 0',
    [],
  );
  readonly auditSequenced = this.#counter(
    'aip_audit_sequenced_records_total',
    'Records this replica put into trees',
    [],
  );
  readonly auditSafeStop = this.#gauge('aip_audit_safe_stop', '1 when this replica has stopped to write the log', []);
  readonly buildInfo = this.#gauge('aip_build_info', 'Always 1', ['version', 'node']);

  /** The text format of Prometheus. */
  render(): Promise<string> {
    return this.registry.metrics();
  }

  #counter<Label extends string>(name: string, help: string, labelNames: readonly Label[]): Counter<Label> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  #gauge<Label extends string>(name: string, help: string, labelNames: readonly Label[]): Gauge<Label> {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }

  #histogram<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    buckets = SECONDS,
  ): Histogram<Label> {
    return new Histogram({ name, help, labelNames, buckets, registers: [this.registry] });
  }
}
