import { callApi, demoEnvironment } from './api.js';
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
    const body = JSON.parse(answer.body) as {
      choices?: { message: { content: string | null } }[];
      error?: { message: string };
    };
    if (answer.status !== 200) {
      throw new CommandError(body.error?.message ?? `The server answered ${String(answer.status)}`, EXIT.finding);
    }
    const headers = Object.fromEntries(
      SHOWN.flatMap((name) => (answer.headers[name] === undefined ? [] : [[name, String(answer.headers[name])]])),
    );
    const text = body.choices?.[0]?.message.content ?? '';
    if (json) printJson({ text, headers });
    else {
      printLine(text);
      printLine('');
      for (const [name, value] of Object.entries(headers)) printLine(`${name.padEnd(20)} ${value}`);
    }
    return EXIT.ok;
  },
};
