import { SystemClock } from '../platform/clock/index.js';
import { createLogger } from '../platform/logging/index.js';
import { SecondReplicaError } from '../platform/replica/index.js';
import { serve, type Replica } from '../serve.js';
import type { Command } from './command.js';
import { configuration, version } from './environment.js';
import { CommandError, EXIT, usageError } from './exit-codes.js';
import { printLine } from './print.js';

const MAX_PORT = 65_535;

/** The block a person sees. Source: the first-run page §1.2. */
function banner(replica: Replica, dataDir: string): string {
  const { url, partners } = replica;
  const mode = replica.demo ? `demo mode: simulated partners, data in ${dataDir}` : `data in ${dataDir}`;
  const named = partners.real === 0 ? `${String(partners.simulated)} simulated` : `${String(partners.real)} configured`;
  return [
    `AI Partners ${version().padEnd(22)} ${mode}`,
    `  Chat API    ${url}/v1/chat/completions`,
    `  GraphQL     ${url}/graphql`,
    `  API docs    ${url}/docs       Metrics /metrics   Health /health/ready`,
    `  Database    ${replica.database} (set DATABASE_URL to use your own)`,
    `  Partners    ${named}  (add a real one: npx aip provider add openai)`,
    ...(replica.demo
      ? [
          `  Demo keys   ${dataDir}/demo.env  (readable by you only)`,
          '  Try it      npx aip demo ask     or the three commands in README "60 seconds"',
        ]
      : []),
  ].join('\n');
}

/** Resolves to the signal that asked the process to end. */
function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
}

/** `aip serve` */
export const serveCommand: Command = {
  name: 'serve',
  args: '[--port N]',
  summary: 'Start the gateway',
  options: { port: { type: 'string', describe: 'port to listen on; 4100 when absent' } },
  async run({ values }) {
    const port = values['port'];
    if (port !== undefined && !(/^\d{1,5}$/.test(String(port)) && Number(port) <= MAX_PORT)) {
      throw usageError('--port takes a number from 0 to 65535');
    }
    const config = configuration(typeof port === 'string' ? { AIP_PORT: port } : {});
    const logger = createLogger(process.stdout.isTTY ? 'warn' : 'info', new SystemClock());
    const replica = await serve(config, logger).catch((error: unknown) => {
      if (error instanceof SecondReplicaError) throw new CommandError(error.message, EXIT.temporary);
      throw error;
    });
    printLine(banner(replica, config.data.dataDir));
    const signal = await untilSignal();
    logger.warn({ event: 'stopping', signal });
    // A second signal ends at once: whatever is open then is resolved by the reconciler of the next start.
    process.once(signal, () => process.exit(EXIT.software));
    await replica.stop();
    return EXIT.ok;
  },
};
