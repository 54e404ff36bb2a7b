import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';

import { UnitOfWork } from '../../platform/database/index.js';
import { InjectLogger, type Logger } from '../../platform/logging/index.js';
import { Metrics } from '../../platform/telemetry/index.js';
import { AuditWriter } from '../audit-writer.js';
import { CheckpointSigner } from '../checkpoint-signer.js';
import { TreeRepository } from '../persistence/tree.repository.js';
import { Sequencer } from '../sequencer.js';

const SEQUENCE_EVERY_MS = 250;
const SIGN_EVERY_MS = 1_000;
const LOOK_EVERY_MS = 5_000;

/** Keeps the tree, its checkpoints and its seals up with the lanes. Every replica runs it; the database elects who works. */
@Injectable()
export class SequenceJob implements OnModuleDestroy {
  /** One step at a time: the tree first, its signature after. */
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(
    private readonly sequencer: Sequencer,
    private readonly signer: CheckpointSigner,
    private readonly unitOfWork: UnitOfWork,
    private readonly tree: TreeRepository,
    private readonly metrics: Metrics,
    private readonly writer: AuditWriter,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  /** The last records of this process come into the tree before it ends. */
  async onModuleDestroy(): Promise<void> {
    await this.#step('audit_sequence_failed', () => this.#sequence());
    await this.#step('audit_sign_failed', () => this.signer.sign());
  }

  @Interval('audit-sequence', SEQUENCE_EVERY_MS)
  async sequence(): Promise<void> {
    if (this.#waiting === 0) await this.#step('audit_sequence_failed', () => this.#sequence());
  }

  @Interval('audit-sign', SIGN_EVERY_MS)
  async sign(): Promise<void> {
    await this.#step('audit_sign_failed', async () => {
      await this.signer.sign();
      await this.signer.seal();
    });
  }

  @Interval('audit-lag', LOOK_EVERY_MS)
  async look(): Promise<void> {
    await this.#step('audit_lag_unknown', async () => {
      const lag = await this.unitOfWork.read((tx) => this.tree.findLag(tx));
      this.metrics.auditUnsequenced.set(lag.records);
      this.metrics.auditSequenceLag.set(lag.seconds);
      this.metrics.auditCheckpointAge.set(await this.unitOfWork.read((tx) => this.tree.findUnsignedSeconds(tx)));
      this.metrics.auditSafeStop.set(this.writer.stopReason === undefined ? 0 : 1);
    });
  }

  async #sequence(): Promise<void> {
    this.metrics.auditSequenced.inc(await this.sequencer.run());
  }

  /** A step that fails is tried again at the next tick: what is committed says where to go on. */
  async #step(event: string, work: () => Promise<unknown>): Promise<void> {
    this.#waiting += 1;
    const run = this.#last.then(work).then(
      () => undefined,
      (error: unknown) => {
        this.logger.warn({ event, detail: error instanceof Error ? error.message : '' });
      },
    );
    this.#last = run;
    await run;
    this.#waiting -= 1;
  }
}
