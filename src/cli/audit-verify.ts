import { LiveVerifier } from '../audit/index.js';
import type { Command } from './command.js';
import { withServices } from './environment.js';
import { EXIT, usageError } from './exit-codes.js';
import { printError, printJson, printLine } from './print.js';

const NAME_WIDTH = 14;
const STATE_WIDTH = 7;
const SHOWN_FINDINGS = 20;

/** `aip audit verify` */
export const auditVerify: Command = {
  name: 'audit verify',
  args: '--live',
  summary: 'Verify the evidence log as it stands in the database',
  options: { live: { type: 'boolean', describe: 'the database of this installation; exports come later' } },
  async run({ values, json }) {
    if (values['live'] !== true) throw usageError('say --live: bundles cannot be verified yet');
    const showsProgress = process.stderr.isTTY && !json;
    const verdict = await withServices((context) =>
      context.get(LiveVerifier).verify((records) => {
        if (showsProgress) printError(`  ${String(records)} records …`);
      }),
    );
    if (json) printJson(verdict);
    else {
      for (const { name, state, text } of verdict.lines) {
        printLine(`${name.padEnd(NAME_WIDTH)}${state.padEnd(STATE_WIDTH)}${text}`);
      }
      for (const { code, where } of verdict.findings.slice(0, SHOWN_FINDINGS))
        printLine(`  ${code.padEnd(18)} ${where}`);
      const more = verdict.findings.length - SHOWN_FINDINGS;
      if (more > 0) printLine(`  and ${String(more)} more; see --json`);
    }
    return verdict.ok ? EXIT.ok : EXIT.finding;
  },
};
