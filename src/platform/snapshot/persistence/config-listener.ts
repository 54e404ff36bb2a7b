import { Injectable } from '@nestjs/common';
import { DataSource, type QueryRunner } from 'typeorm';

import { CONFIG_CHANNEL } from './config-version.repository.js';

interface ListeningClient {
  query(text: string): Promise<unknown>;
  on(event: 'notification' | 'error', listener: () => void): void;
}

/** Holds the one connection that hears `NOTIFY aip_config`. When it breaks the poll takes over until it is back. */
@Injectable()
export class ConfigListener {
  #runner: QueryRunner | undefined;
  #notify: (() => void) | undefined;
  #closed = false;

  constructor(private readonly dataSource: DataSource) {}

  /** Calls `notify` on each notification from now on. */
  async listen(notify: () => void): Promise<void> {
    this.#notify = notify;
    await this.reconnect();
  }

  /** Opens the connection when there is none. */
  async reconnect(): Promise<void> {
    if (this.#runner !== undefined || this.#notify === undefined || this.#closed) return;
    const runner = this.dataSource.createQueryRunner();
    const client = (await runner.connect()) as ListeningClient;
    this.#runner = runner;
    client.on('notification', this.#notify);
    client.on('error', () => {
      this.#runner = undefined;
      void runner.release().catch(() => undefined);
    });
    await client.query(`LISTEN ${CONFIG_CHANNEL}`);
  }

  /** Gives the connection back. */
  async close(): Promise<void> {
    this.#closed = true;
    const runner = this.#runner;
    this.#runner = undefined;
    if (runner === undefined) return;
    await runner.query(`UNLISTEN ${CONFIG_CHANNEL}`).catch(() => undefined);
    await runner.release().catch(() => undefined);
  }
}
