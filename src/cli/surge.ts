import { CRITICALITIES } from '../platform/security/index.js';
import { SIMULATED_PARTNERS } from '../providers/index.js';
import { demoEnvironment } from './api.js';
import type { Command } from './command.js';
import { secondsOf } from './duration.js';
import { commandEnvironment } from './environment.js';
import { EXIT, usageError } from './exit-codes.js';
import { printError, printJson, printLine } from './print.js';
import { runLoad } from './surge-load.js';
import { SurgeTally, type SurgeFigures } from './surge-tally.js';

const DEFAULT_SECONDS = 60;
const MAX_SECONDS = 600;
const DEFAULT_TIMES = 10;
const DEFAULT_BASE = 2;
const MAX_RATE = 500;
const LEAD_SECONDS = 5;
const SHOWN_EVERY_SECONDS = 5;
const LABEL_WIDTH = 14;

/** What the partners take in a minute, by their own limits. */
const CAPACITY: ReadonlyMap<string, number> = new Map(
  SIMULATED_PARTNERS.map(({ name, limits }) => [name, limits.requestsPerMinute]),
);

function numberOf(text: string | boolean | undefined, option: string, standard: number): number {
  const number = text === undefined ? standard : Number(text);
  if (!(number > 0 && number <= MAX_RATE)) throw usageError(`--${option} takes a number up to ${String(MAX_RATE)}`);
  return number;
}

const percent = (part: number, whole: number): string => (whole === 0 ? '–' : `${((100 * part) / whole).toFixed(1)} %`);
const row = (label: string, text: string): void => {
  printLine(`  ${label.padEnd(LABEL_WIDTH)} ${text}`);
};

function shedText(shed: SurgeFigures['shed']): string {
  const parts = CRITICALITIES.flatMap((one) => (shed[one] === undefined ? [] : [`${one} ${String(shed[one])}`]));
  return parts.length === 0 ? '0' : `${parts.join(', ')} (503 with Retry-After)`;
}

const spreadText = (spread: SurgeFigures['admission']): string =>
  spread === null ? '–' : `p50 ${spread.p50.toFixed(1)} ms, p99 ${spread.p99.toFixed(1)} ms`;

function printFigures(figures: SurgeFigures): void {
  const { sent, answered, lost, refused, failedOver, byProvider } = figures;
  row('sent', String(sent));
  row('answered', `${String(answered)} (${percent(answered, sent)}), ${String(failedOver)} of them after a failover`);
  row('shed', shedText(figures.shed));
  if (refused > 0) row('refused', `${String(refused)} by a quota or a budget`);
  row('lost', String(lost));
  row('admission', spreadText(figures.admission));
  if (figures.shedAfter !== null) row('shed after', spreadText(figures.shedAfter));
  const capacity = [...CAPACITY.values()].reduce((total, one) => total + one, 0);
  for (const [name, perMinute] of CAPACITY) {
    const served = byProvider[name] ?? 0;
    row(
      name,
      `${String(served)} answers, ${percent(served, answered)} of all; its limit is ${percent(perMinute, capacity)} of all`,
    );
  }
  for (const [reason, count] of figures.reasons) row('reason', `${String(count)} × ${reason}`);
}

function progress(tally: SurgeTally): string {
  const { sent, answered, lost, shed } = tally.figures();
  const turnedAway = Object.values(shed).reduce((total, count) => total + count, 0);
  const open = tally.inFlight;
  return `sent ${String(sent)}, answered ${String(answered)}, shed ${String(turnedAway)}, open ${String(open)}, lost ${String(lost - open)}`;
}

/** `aip surge` */
export const surge: Command = {
  name: 'surge',
  args: '--x10 [--for 60s]',
  summary: 'Send many times the usual load through the simulated partners and show what became of it',
  options: {
    x10: { type: 'boolean', describe: 'ten times the base load; so it is when nothing else is said' },
    times: { type: 'string', describe: 'another multiple of the base load' },
    base: { type: 'string', describe: `base load, requests per second; ${String(DEFAULT_BASE)} when absent` },
    for: { type: 'string', describe: `how long: 30s, 2m; ${String(DEFAULT_SECONDS)}s when absent, at most 10 minutes` },
  },
  notes: [
    'Half of the requests stream; two of ten are critical, four sheddable-plus, four sheddable.',
    'Ends with 1 when a request was lost: neither answered nor told with 503 and Retry-After to come back.',
  ],
  async run({ values, json }) {
    if (values['x10'] === true && values['times'] !== undefined) throw usageError('give either --x10 or --times');
    const times = numberOf(values['times'], 'times', DEFAULT_TIMES);
    const base = numberOf(values['base'], 'base', DEFAULT_BASE);
    if (base * times > MAX_RATE) throw usageError(`at most ${String(MAX_RATE)} requests per second are sent`);
    const seconds = secondsOf(values['for'], { option: 'for', standard: DEFAULT_SECONDS, most: MAX_SECONDS });
    const demo = demoEnvironment();
    const target = { url: commandEnvironment().url ?? demo.get('DEMO_URL') ?? '', key: demo.get('DEMO_KEY') ?? '' };
    const tally = new SurgeTally();
    const phases = [
      { perSecond: base, seconds: LEAD_SECONDS },
      { perSecond: base * times, seconds },
    ];
    if (!json)
      printLine(
        `${String(base)} requests per second for ${String(LEAD_SECONDS)} s, then ${String(base * times)} for ${String(seconds)} s:`,
      );
    await runLoad(target, phases, {
      tally,
      tick: (gone) => {
        if (!json && gone % SHOWN_EVERY_SECONDS === 0)
          printError(`  ${String(gone).padStart(4)} s  ${progress(tally)}`);
      },
    });
    const figures = tally.figures();
    if (json) printJson(figures);
    else printFigures(figures);
    return figures.lost === 0 ? EXIT.ok : EXIT.finding;
  },
};
