import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';

import { Clock } from '../clock/index.js';
import { GroupCommit, type Flush } from './group-commit.js';

/** Makes group commits over the application's pool. */
@Injectable()
export class GroupCommits {
  constructor(
    private readonly dataSource: DataSource,
    private readonly clock: Clock,
  ) {}

  /** A queue of its own with a connection of its own. `relaxed`: COMMIT does not wait for the disk; for measuring only. */
  make<Item, Outcome>(flush: Flush<Item, Outcome>, durability: 'strict' | 'relaxed'): GroupCommit<Item, Outcome> {
    return new GroupCommit(this.dataSource, this.clock, flush, durability);
  }
}
