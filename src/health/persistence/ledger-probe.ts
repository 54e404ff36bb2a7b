import { Injectable } from '@nestjs/common';

import { rowsOf, type Tx } from '../../platform/database/unit-of-work.js';

/** Asks the database for a write and a flush of its log without leaving anything behind. */
@Injectable()
export class LedgerProbe {
  /** @throws when the server is read-only, away, or out of disk */
  async write(tx: Tx): Promise<void> {
    await rowsOf(tx, {
      text: `INSERT INTO setting (name, value) VALUES ('health.probe', '1') ON CONFLICT (name) DO UPDATE SET value = '1'`,
    });
  }
}
