import type { Command } from './command.js';
import { EXIT, usageError } from './exit-codes.js';
import { printJson, printLine } from './print.js';
import { serverApi } from './server-api.js';

interface Money {
  readonly amount: string;
  readonly currency: string;
}

interface Statement {
  readonly id: string;
  readonly month: string;
  readonly scopeType: string;
  readonly scopeId: string;
  readonly state: string;
  readonly total: Money;
  readonly corrections: Money;
  readonly sha256: string | null;
}

interface Line {
  readonly class: string;
  readonly month: string;
  readonly teamId: string | null;
  readonly investigationId: string | null;
  readonly provider: string;
  readonly model: string;
  readonly requests: number;
  readonly cost: Money;
}

const headline = ({ id, month, scopeType, state, total }: Statement): string =>
  `${id}  ${month}  ${state.padEnd(5)}  ${scopeType.padEnd(13)}  ${total.amount} ${total.currency}`;

/** `aip statement make` */
export const statementMake: Command = {
  name: 'statement make',
  args: '--month <YYYY-MM>',
  summary: 'State what was used in a month: a draft, or for good',
  options: {
    month: { type: 'string', describe: 'YYYY-MM, UTC' },
    scope: { type: 'string', describe: 'ORGANISATION, TEAM, INVESTIGATION or COST_CENTRE' },
    id: { type: 'string', describe: 'id of the team or investigation, or code of the cost centre' },
    currency: { type: 'string', describe: 'ISO 4217' },
    final: { type: 'boolean', describe: 'for good: what changes later stands in the next statement' },
  },
  async run({ values, json }) {
    const { month, scope, id, currency } = values;
    if (typeof month !== 'string') throw usageError('name the month with --month, for example --month 2026-11');
    const api = await serverApi('report:export');
    const statement = await api.call<Statement>({
      method: 'POST',
      path: '/api/statements',
      body: { month, scopeType: scope, scopeId: id, currency, state: values['final'] === true ? 'FINAL' : 'DRAFT' },
    });
    if (json) printJson(statement);
    else {
      printLine(headline(statement));
      if (statement.sha256 !== null) printLine(`SHA-256 of its lines: ${statement.sha256}`);
    }
    return EXIT.ok;
  },
};

/** `aip statement list` */
export const statementList: Command = {
  name: 'statement list',
  args: '',
  summary: 'Show the newest statements',
  options: { month: { type: 'string', describe: 'YYYY-MM: only those of a month' } },
  async run({ values, json }) {
    const api = await serverApi('report:export');
    const month = typeof values['month'] === 'string' ? `&month=${encodeURIComponent(values['month'])}` : '';
    const { data } = await api.call<{ data: readonly Statement[] }>({
      method: 'GET',
      path: `/api/statements?limit=200${month}`,
    });
    if (json) printJson(data);
    else for (const statement of data) printLine(headline(statement));
    return EXIT.ok;
  },
};

/** `aip statement show` */
export const statementShow: Command = {
  name: 'statement show',
  args: '<id>',
  summary: 'Show the lines of a statement; with --json one object per line',
  options: {},
  async run({ positionals, json }) {
    const [id] = positionals;
    if (id === undefined) throw usageError('name the statement by its id');
    const api = await serverApi('report:export');
    const at = `/api/statements/${encodeURIComponent(id)}`;
    if (!json) printLine(headline(await api.call<Statement>({ method: 'GET', path: at })));
    for await (const line of api.rows<Line>(`${at}/lines`)) {
      if (json) printJson(line);
      else printStatementLine(line);
    }
    return EXIT.ok;
  },
};

function printStatementLine({ cost, investigationId, teamId, ...line }: Line): void {
  const who = `investigation ${investigationId ?? '–'}, team ${teamId ?? '–'}`;
  printLine(
    `${line.class.padEnd(10)} ${line.month}  ${cost.amount} ${cost.currency}  ${line.provider}/${line.model}  ${who}`,
  );
}
