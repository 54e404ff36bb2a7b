import type { MigrationInterface } from 'typeorm';

import { CreatePlatform1764000000000 } from './1764000000000-create-platform.js';
import { CreateAudit1764000010000 } from './1764000010000-create-audit.js';
import { CreateIdentity1764000020000 } from './1764000020000-create-identity.js';
import { CreateProviders1764000025000 } from './1764000025000-create-providers.js';
import { CreateCases1764000030000 } from './1764000030000-create-cases.js';
import { CreateMetering1764000040000 } from './1764000040000-create-metering.js';
import { CreateBudgets1764000050000 } from './1764000050000-create-budgets.js';
import { CreateRouting1764000060000 } from './1764000060000-create-routing.js';
import { CreateQuotas1764000070000 } from './1764000070000-create-quotas.js';
import { CreateGateway1764000080000 } from './1764000080000-create-gateway.js';
import { CreateAnalytics1764000090000 } from './1764000090000-create-analytics.js';
import { AddDialects1764000100000 } from './1764000100000-add-dialects.js';
import { AddThresholdPending1764000110000 } from './1764000110000-add-threshold-pending.js';
import { CreateReporting1764000120000 } from './1764000120000-create-reporting.js';
import { AddHoldRevision1764000200000 } from './1764000200000-add-hold-revision.js';
import { OrderOutbox1764000300000 } from './1764000300000-order-outbox.js';
import { CreateWebhooks1764000310000 } from './1764000310000-create-webhooks.js';
import { CreatePriceImports1764000320000 } from './1764000320000-create-price-imports.js';
import { CreateAuditTree1764000400000 } from './1764000400000-create-audit-tree.js';
import { CreateAuditExport1764000410000 } from './1764000410000-create-audit-export.js';

/** All migrations, oldest first. Listed by hand: the order is part of the release. */
export const MIGRATIONS: readonly (new () => MigrationInterface)[] = [
  CreatePlatform1764000000000,
  CreateAudit1764000010000,
  CreateIdentity1764000020000,
  CreateProviders1764000025000,
  CreateCases1764000030000,
  CreateMetering1764000040000,
  CreateBudgets1764000050000,
  CreateRouting1764000060000,
  CreateQuotas1764000070000,
  CreateGateway1764000080000,
  CreateAnalytics1764000090000,
  AddDialects1764000100000,
  AddThresholdPending1764000110000,
  CreateReporting1764000120000,
  AddHoldRevision1764000200000,
  OrderOutbox1764000300000,
  CreateWebhooks1764000310000,
  CreatePriceImports1764000320000,
  CreateAuditTree1764000400000,
  CreateAuditExport1764000410000,
];
