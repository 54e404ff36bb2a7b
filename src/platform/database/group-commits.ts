import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';

import { Clock } from '../clock/index.js';
import { GroupCommit, type Flush, type GroupCommitOptions } from './group-commit.js';

/** Makes group commits over the application's pool. */
@Injectable()
export class GroupCommits {
  constructor(
    private readonly dataSource: DataSource,
    private readonly clock: Clock,
  ) {}

  /** A queue of its own with a connection of its own. */
  make<Item, Outcome>(flush: Flush<Item, Outcome>, options: GroupCommitOptions): GroupCommit<Item, Outcome> {
    return new GroupCommit(this.dataSource, this.clock, flush, options);
  }
}
