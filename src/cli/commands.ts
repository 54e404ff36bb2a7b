import { adminCreate } from './admin-create.js';
import { auditExport } from './audit-export.js';
import { auditHead, auditProof } from './audit-proofs.js';
import { auditVerify } from './audit-verify.js';
import type { Command } from './command.js';
import { demoAsk } from './demo-ask.js';
import { exportChargeback, exportFocus, exportUsage } from './exports.js';
import { invoiceImport, invoiceReconcile } from './invoices.js';
import { keyCreate, keyRevoke } from './keys.js';
import { ledgerCheck } from './ledger-check.js';
import { migrateStatus, migrateUp } from './migrate.js';
import { pricesActivate, pricesDiff, pricesImport, pricesShow } from './prices.js';
import { providerAdd } from './provider-add.js';
import { providerDrain, providerList, providerRemove, providerResume, providerTest } from './providers.js';
import { secretsInit } from './secrets-init.js';
import { serveCommand } from './serve.js';
import { simulate } from './simulate.js';
import { statementList, statementMake, statementShow } from './statements.js';
import { surge } from './surge.js';
import { tokenMint } from './token-mint.js';

/** All commands, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  serveCommand,
  secretsInit,
  migrateStatus,
  migrateUp,
  adminCreate,
  tokenMint,
  keyCreate,
  keyRevoke,
  providerAdd,
  providerList,
  providerTest,
  providerDrain,
  providerResume,
  providerRemove,
  auditVerify,
  auditHead,
  auditProof,
  auditExport,
  ledgerCheck,
  exportUsage,
  exportChargeback,
  exportFocus,
  statementMake,
  statementList,
  statementShow,
  pricesImport,
  pricesDiff,
  pricesActivate,
  pricesShow,
  invoiceImport,
  invoiceReconcile,
  simulate,
  surge,
  demoAsk,
];
