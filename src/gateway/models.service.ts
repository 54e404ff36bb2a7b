import { Injectable } from '@nestjs/common';

import { MeteringService, type PriceBook } from '../metering/index.js';
import { Clock } from '../platform/clock/index.js';
import { AppError } from '../platform/errors/index.js';
import { formatAmount } from '../platform/money/index.js';
import type { Principal } from '../platform/security/index.js';
import { ConfigSnapshots } from '../platform/snapshot/index.js';
import { ProvidersService, type Deployment } from '../providers/index.js';
import { RoutingService } from '../routing/index.js';

/** One model in the OpenAI format, with what we know beside it. */
export interface ModelEntry {
  readonly id: string;
  readonly object: 'model';
  readonly created: number;
  readonly owned_by: string;
  readonly aip: Readonly<Record<string, unknown>>;
}

/** The list in the OpenAI format. */
export interface ModelList {
  readonly object: 'list';
  readonly data: readonly ModelEntry[];
}

/** When the product's own names came to be: 2026-11-01. */
const CREATED = 1_793_491_200;

/** The models a credential may use. */
@Injectable()
export class ModelsService {
  constructor(
    private readonly snapshots: ConfigSnapshots,
    private readonly providers: ProvidersService,
    private readonly metering: MeteringService,
    private readonly routing: RoutingService,
    private readonly clock: Clock,
  ) {}

  /** Real models by name, then `auto`, every `auto/<task>` and aliases. */
  list(principal: Principal): ModelList {
    const snapshot = this.snapshots.current();
    const directory = snapshot.get(this.providers.part);
    const prices = snapshot.get(this.metering.prices);
    const real = directory.models().flatMap((model) => {
      const usable = directory.byModel(model).filter((deployment) => mayUse(principal, deployment));
      return usable.length === 0 ? [] : [this.#entry(model, usable, prices)];
    });
    const named = [...this.routing.autoModels(), ...this.routing.aliases(principal.orgId, snapshot)].map((id) => ({
      id,
      object: 'model' as const,
      created: CREATED,
      owned_by: 'ai-partners',
      aip: { eligible: real.length > 0 },
    }));
    return { object: 'list', data: [...real, ...named] };
  }

  /** @throws AppError model_not_found */
  find(principal: Principal, name: string): ModelEntry {
    const found = this.list(principal).data.find(({ id }) => id === name);
    if (found === undefined)
      throw new AppError(
        'model_not_found',
        `There is no model "${name.slice(0, 100)}" for this credential. See GET /v1/models.`,
      );
    return found;
  }

  #entry(model: string, deployments: readonly Deployment[], prices: PriceBook): ModelEntry {
    const [first] = deployments;
    const able = deployments.some(({ state }) => state === 'enabled');
    return {
      id: model,
      object: 'model',
      created: CREATED,
      owned_by: first?.vendor ?? 'unknown',
      aip: {
        providers: [...new Set(deployments.map(({ providerName }) => providerName))],
        context: Math.max(...deployments.map(({ capabilities }) => capabilities.context)),
        maxOutput: Math.max(...deployments.map(({ capabilities }) => capabilities.maxOutput)),
        capabilities: capabilityNames(deployments),
        prices: first === undefined ? [] : this.#prices(first, prices),
        eligible: able,
        ineligibleReason: able ? null : 'disabled',
      },
    };
  }

  #prices(deployment: Deployment, prices: PriceBook): readonly Record<string, string>[] {
    const quote = prices.quote({
      vendor: deployment.vendor,
      model: deployment.upstreamModel,
      region: deployment.region,
      atMs: this.clock.nowMs(),
      inputTokens: 0,
    });
    if (quote === undefined) return [];
    return Object.entries(quote.amounts).map(([meter, amount]) => ({
      meter,
      amount: formatAmount(amount),
      currency: quote.currency,
      per: 'unit',
    }));
  }
}

function mayUse({ entitlements }: Principal, { model, simulated }: Deployment): boolean {
  if (entitlements.simulated !== null && entitlements.simulated !== simulated) return false;
  return entitlements.models === null || entitlements.models.includes(model);
}

function capabilityNames(deployments: readonly Deployment[]): readonly string[] {
  const names = new Set<string>();
  for (const { capabilities } of deployments) {
    for (const [name, value] of Object.entries(capabilities)) if (value === true) names.add(name);
    for (const operation of capabilities.operations) names.add(operation);
  }
  return [...names].sort();
}
