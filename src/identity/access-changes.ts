import { Injectable } from '@nestjs/common';

import type { Tx } from '../platform/database/index.js';
import type { Actor } from './actor.js';

/** A changed object before and after; `before` is absent for a new one. */
export interface AccessChange {
  readonly object: 'organisation' | 'team' | 'user' | 'key';
  readonly before?: object;
  readonly after: object & { readonly id: string };
}

@Injectable()
export class AccessChanges {
  record(tx: Tx, actor: Actor, change: AccessChange): Promise<void> {
    void tx;
    void actor;
    void change;
    return Promise.resolve();
  }
}
