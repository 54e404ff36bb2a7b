import { BudgetsService } from '../budgets/index.js';
import type { Command } from './command.js';
import { withServices } from './environment.js';
import { EXIT } from './exit-codes.js';
import { printJson, printLine } from './print.js';

/** `aip ledger check` */
export const ledgerCheck: Command = {
  name: 'ledger check',
  args: '',
  summary: 'Compare ledger, balances and usage to the last digit',
  options: {},
  async run({ json }) {
    const findings = await withServices((context) => context.get(BudgetsService).checkLedger());
    if (json) printJson({ ok: findings.length === 0, findings });
    else if (findings.length === 0) printLine('The ledger is clean: entries = balances = usage.');
    else for (const finding of findings) printLine(JSON.stringify(finding));
    return findings.length === 0 ? EXIT.ok : EXIT.finding;
  },
};
