import { adminCreate } from './admin-create.js';
import { auditVerify } from './audit-verify.js';
import type { Command } from './command.js';
import { demoAsk } from './demo-ask.js';
import { keyCreate, keyRevoke } from './keys.js';
import { ledgerCheck } from './ledger-check.js';
import { migrateStatus, migrateUp } from './migrate.js';
import { secretsInit } from './secrets-init.js';
import { serveCommand } from './serve.js';
import { simulate } from './simulate.js';
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
  auditVerify,
  ledgerCheck,
  simulate,
  demoAsk,
];
