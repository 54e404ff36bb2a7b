import { picoUsd, formatAmount, parseAmount } from '../../platform/money/index.js';
import type { DemoApi } from '../demo-api.js';
import type { SeededOrganisation } from './organisation.js';

const CURRENCY = 'XTS';
const PERCENT_USED = 86n;

/** Quotas that never stand in the way of a demonstration. */
export async function seedQuotas(api: DemoApi): Promise<void> {
  const each = { type: 'USER', id: null };
  await api.call('POST', '/api/quotas', {
    name: 'user-rpm',
    subject: each,
    metric: 'REQUESTS',
    limit: 120,
    windowSeconds: 60,
  });
  await api.call('POST', '/api/quotas', {
    name: 'user-tpm',
    subject: each,
    metric: 'TOKENS',
    limit: 400_000,
    windowSeconds: 60,
  });
  await api.call('POST', '/api/quotas', { name: 'user-concurrency', subject: each, metric: 'CONCURRENCY', limit: 20 });
}

interface SpentByCase {
  readonly data: {
    readonly costAttribution: {
      readonly edges: readonly {
        readonly node: {
          readonly key: readonly { readonly id: string; readonly label: string }[];
          readonly totals: { readonly cost: { readonly amount: string } };
        };
      }[];
    };
  };
}

/** What each investigation spent so far, dearest first. */
async function spentByCase(
  api: DemoApi,
  range: { readonly from: string; readonly to: string },
): Promise<readonly { id: string; label: string; amount: bigint }[]> {
  const query = `{costAttribution(filter:{from:"${range.from}",to:"${range.to}",simulated:true},by:[INVESTIGATION]){edges{node{key{id label}totals{cost{amount}}}}}}`;
  const answer = await api.call<SpentByCase>('POST', '/graphql', { query });
  return answer.data.costAttribution.edges.flatMap(({ node }) => {
    const [key] = node.key;
    return key === undefined ? [] : [{ id: key.id, label: key.label, amount: parseAmount(node.totals.cost.amount) }];
  });
}

/** Three budgets over what the seed has spent: healthy, at 86 %, exhausted. */
export async function seedBudgets(
  api: DemoApi,
  { orgId }: SeededOrganisation,
  range: { readonly from: string; readonly to: string },
): Promise<void> {
  const spent = await spentByCase(api, range);
  const named = (label: string): { id: string; label: string; amount: bigint } | undefined =>
    spent.find((one) => one.label === label);
  const tight = named('OP-BIRCH');
  const gone = named('OP-ELDER');
  await create(api, {
    name: 'Agency, this month',
    scope: { type: 'ORGANISATION', id: orgId },
    period: 'MONTH',
    amount: '100',
  });
  if (tight !== undefined) {
    const limit = formatAmount(picoUsd((tight.amount * 100n) / PERCENT_USED + 1n));
    await create(api, {
      name: 'OP-BIRCH, this month',
      scope: { type: 'INVESTIGATION', id: tight.id },
      period: 'MONTH',
      amount: limit,
    });
  }
  if (gone !== undefined) {
    const limit = formatAmount(picoUsd(gone.amount));
    await create(api, {
      name: 'OP-ELDER, this month',
      scope: { type: 'INVESTIGATION', id: gone.id },
      period: 'MONTH',
      amount: limit,
    });
  }
}

async function create(
  api: DemoApi,
  budget: {
    readonly name: string;
    readonly scope: { readonly type: string; readonly id: string };
    readonly period: string;
    readonly amount: string;
  },
): Promise<void> {
  const { period, amount, ...rest } = budget;
  await api.call('POST', '/api/budgets', {
    ...rest,
    metric: 'COST',
    currency: CURRENCY,
    enforcement: 'HARD',
    timeZone: 'UTC',
    limits: [{ period, amount }],
  });
}
