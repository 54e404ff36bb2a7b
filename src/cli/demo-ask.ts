import { callApi, demoEnvironment, type ApiAnswer } from './api.js';
import type { Command } from './command.js';
import { EXIT, CommandError } from './exit-codes.js';
import { printJson, printLine } from './print.js';

const SHOWN = [
  'aip-provider',
  'aip-model',
  'aip-attempts',
  'aip-failover',
  'aip-cost',
  'aip-overhead-ms',
  'aip-audit-receipt',
];

/** The answer's text and the headers worth showing. @throws CommandError when the gateway refused */
function shownOf({ status, headers, body }: ApiAnswer): {
  readonly text: string;
  readonly headers: Record<string, string>;
} {
  const parsed = JSON.parse(body) as {
    choices?: { message: { content: string | null } }[];
    error?: { message: string };
  };
  if (status !== 200)
    throw new CommandError(parsed.error?.message ?? `The server answered ${String(status)}`, EXIT.finding);
  const shown = SHOWN.flatMap((name) => (headers[name] === undefined ? [] : [[name, String(headers[name])] as const]));
  return { text: parsed.choices?.[0]?.message.content ?? '', headers: Object.fromEntries(shown) };
}

/** `aip demo ask` */
export const demoAsk: Command = {
  name: 'demo ask',
  args: '["question"]',
  summary: 'Ask one question through the demo and show how it was answered',
  options: { investigation: { type: 'string', describe: 'whom to charge; OP-ALDER when absent' } },
  async run({ positionals, values, json }) {
    const demo = demoEnvironment();
    const question = positionals.join(' ') || 'Summarise exhibit 12';
    const answer = await callApi(`${demo.get('DEMO_URL') ?? ''}/v1/chat/completions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${demo.get('DEMO_KEY') ?? ''}`,
        'aip-investigation': String(values['investigation'] ?? 'OP-ALDER'),
      },
      body: { model: 'auto', messages: [{ role: 'user', content: question }] },
    });
    const { text, headers } = shownOf(answer);
    if (json) printJson({ text, headers });
    else {
      printLine(text);
      printLine('');
      for (const [name, value] of Object.entries(headers)) printLine(`${name.padEnd(20)} ${value}`);
    }
    return EXIT.ok;
  },
};
