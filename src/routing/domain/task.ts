import { AppError } from '../../platform/errors/index.js';
import type { Task } from './route-decision.js';

/** Tasks that exist without configuration. Source: routing page §2. */
export const TASKS = [
  'extraction',
  'classification',
  'summarisation',
  'translation',
  'entity_analysis',
  'reasoning',
  'code',
  'realtime_intel',
  'chat',
  'bulk',
] as const;

const KNOWN: ReadonlySet<string> = new Set(TASKS);
/** Only the beginning and end of the last message are read: the cost of a rule is bounded. */
const READ_CHARACTERS = 2_000;

function requireKnown(task: string, own: ReadonlySet<string>, param: string): string {
  if (KNOWN.has(task) || own.has(task)) return task;
  throw new AppError(
    'invalid_value',
    `There is no task ${task.slice(0, 60)}. Known tasks: ${[...KNOWN, ...own].join(', ')}.`,
    {
      param,
    },
  );
}

/** Text rules in their order; the first that holds names the task. */
const RULES: readonly (readonly [task: string, pattern: RegExp])[] = [
  ['extraction', /\b(extract|list (all|every)|pull out|find all)\b/i],
  ['classification', /\b(classify|categori[sz]e|label (this|the|each)|answer (only )?(with )?yes or no)\b/i],
  ['summarisation', /\bsummar(y|i[sz]e|ies)\b|\btl;?dr\b/i],
  ['translation', /\btranslat(e|ion)\b/i],
  ['code', /```|\b(compile[rs]?|stack trace|function signature|refactor|unit test)\b/i],
];
const INVESTIGATIVE = [
  /\baccounts?\b/i,
  /\bphones?\b/i,
  /\bvehicles?\b/i,
  /\btransfers?\b/i,
  /\balias(es)?\b/i,
  /\btimeline\b/i,
];
const REASONING = /\\frac|\\sum|\$\$|\b(prove|calculate|derive)\b/i;

function lastUserText(request: Readonly<Record<string, unknown>>): string {
  const { messages } = request;
  if (!Array.isArray(messages)) return '';
  const last: unknown = messages.at(-1);
  const content = (last as { content?: unknown } | null)?.content;
  const text = Array.isArray(content)
    ? content.map((part: unknown) => (part as { text?: unknown } | null)?.text).find((one) => typeof one === 'string')
    : content;
  if (typeof text !== 'string') return '';
  return text.length <= 2 * READ_CHARACTERS
    ? text
    : `${text.slice(0, READ_CHARACTERS)}\n${text.slice(-READ_CHARACTERS)}`;
}

function taskOfText(text: string): string | undefined {
  const [task] = RULES.find(([, pattern]) => pattern.test(text)) ?? [];
  if (task !== undefined) return task;
  if (INVESTIGATIVE.filter((cue) => cue.test(text)).length >= 3) return 'entity_analysis';
  if (REASONING.test(text)) return 'reasoning';
  const numbers = text.match(/\d+/g)?.length ?? 0;
  return numbers >= 4 && text.includes('?') ? 'reasoning' : undefined;
}

/** Guesses the task from members and words; undefined when no rule holds. Reads at most 4 000 characters. */
export function classifyByRules(request: Readonly<Record<string, unknown>>): string | undefined {
  if (request['service_tier'] === 'flex') return 'bulk';
  if (request['web_search_options'] !== undefined) return 'realtime_intel';
  const format = (request['response_format'] as { type?: unknown } | null | undefined)?.type;
  return format === 'json_schema' ? 'extraction' : taskOfText(lastUserText(request));
}

/** From where the task of a request can be known. */
export interface TaskSources {
  readonly wished?: string | undefined;
  readonly byHeader?: boolean | undefined;
  readonly model: string;
  readonly request: Readonly<Record<string, unknown>>;
  /** Tasks of the organisation's policy. */
  readonly own: ReadonlySet<string>;
}

/** The task and where it is known from: wish, `auto/<task>`, rules, else `chat`.
 *  @throws AppError invalid_value — an unknown task, or `auto/<task>` and the wish disagree */
export function determineTask({ wished, byHeader, model, request, own }: TaskSources): Task {
  const inModel = model.startsWith('auto/') ? requireKnown(model.slice(5), own, 'model') : undefined;
  if (wished !== undefined) {
    const value = requireKnown(wished, own, 'aip.routing.task');
    if (inModel !== undefined && inModel !== value) {
      throw new AppError('invalid_value', `model says ${inModel} and the task says ${value}. Name one of them.`, {
        param: 'aip.routing.task',
      });
    }
    return { value, source: byHeader === true ? 'header' : 'body' };
  }
  if (inModel !== undefined) return { value: inModel, source: 'model' };
  if (model !== 'auto') return { value: 'chat', source: 'default' };
  const guessed = classifyByRules(request);
  return guessed === undefined ? { value: 'chat', source: 'default' } : { value: guessed, source: 'rules' };
}
