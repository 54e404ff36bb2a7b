import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/index.js';
import { AuditConfig } from '../platform/config/index.js';
import { UnitOfWork, type Tx } from '../platform/database/index.js';
import { halfYearOf, monthOf, nextMonth } from './domain/period.js';
import { DurabilityCheck } from './durability-check.js';
import { KeyRing, type LogKeys } from './key-ring.js';
import { AuditLogRepository, type AuditLog } from './persistence/audit-log.repository.js';

/** A log that this process writes to. */
export type OpenLog = AuditLog & LogKeys;

/** Writes the first records of a log in the transaction that makes it. `predecessor`: the organisation's log before it. */
export type LogMade = (tx: Tx, log: OpenLog, predecessor: AuditLog | undefined) => Promise<void>;

/** The logs in force: one per organisation and half-year, with its keys and partitions. */
@Injectable()
export class LogBook {
  readonly #open = new Map<string, OpenLog>();
  readonly #byId = new Map<number, OpenLog>();
  readonly #opening = new Map<string, Promise<OpenLog>>();
  #onMade: LogMade = () => Promise.resolve();

  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly repository: AuditLogRepository,
    private readonly keys: KeyRing,
    private readonly config: AuditConfig,
    private readonly clock: Clock,
    private readonly durability: DurabilityCheck,
  ) {}

  /** The organisation's log. @throws Error when {@link ensure} was not called for it in this half-year */
  current(orgId: string): OpenLog {
    const log = this.#open.get(orgId);
    if (log === undefined) throw new Error(`No evidence log is open for organisation ${orgId}`);
    return log;
  }

  /** True when the organisation's log of the present half-year is open. */
  isReady(orgId: string): boolean {
    return this.#open.get(orgId)?.period === halfYearOf(this.clock.nowMs());
  }

  /** Opens the organisation's log, made with its keys when it is the first; concurrent calls share the work.
   *  @throws SecretFileError — the log exists and its key does not; DurabilityError — the database may lose what it confirmed */
  async ensure(orgId: string): Promise<OpenLog> {
    const period = halfYearOf(this.clock.nowMs());
    const known = this.#open.get(orgId);
    if (known?.period === period) return known;
    const running = this.#opening.get(orgId) ?? this.#openLog(orgId, period);
    this.#opening.set(orgId, running);
    try {
      return await running;
    } finally {
      this.#opening.delete(orgId);
    }
  }

  /** A log that was opened here, also one of an earlier half-year. */
  byId(logId: number): OpenLog {
    const log = this.#byId.get(logId);
    if (log === undefined) throw new Error(`Log ${String(logId)} is not open here`);
    return log;
  }

  /** Every log of the database, oldest first. */
  findAll(tx: Tx): Promise<readonly AuditLog[]> {
    return this.repository.findAll(tx);
  }

  /** The organisation of any log. */
  async findOrg(tx: Tx, logId: number): Promise<string> {
    const log = this.#byId.get(logId) ?? (await this.repository.findAll(tx)).find(({ id }) => id === logId);
    if (log === undefined) throw new Error(`There is no log ${String(logId)}`);
    return log.orgId;
  }

  /** Has `write` called with each log that this process makes. */
  onMade(write: LogMade): void {
    this.#onMade = write;
  }

  /** Opens the logs of a new half-year, and makes next month's partitions of every organisation's log. */
  async prepareMonths(): Promise<void> {
    for (const orgId of [...this.#open.keys()]) {
      const { id } = await this.ensure(orgId);
      await this.unitOfWork.run((tx) => this.#makePartitions(tx, id));
    }
  }

  async #openLog(orgId: string, period: string): Promise<OpenLog> {
    await this.durability.require();
    const origin = `${this.config.name}/${orgId}/${period}`;
    const find = (): Promise<AuditLog | undefined> =>
      this.unitOfWork.read((tx) => this.repository.find(tx, orgId, period));
    const found = await find();
    const open = found === undefined ? await this.#make({ origin, orgId, period }) : await this.#join(found);
    // Undefined: another process made it in the meantime.
    const log = open ?? (await this.#join(await find()));
    if (log === undefined) throw new Error(`The evidence log ${origin} could not be opened`);
    this.#open.set(orgId, log);
    return log;
  }

  /** Opens a log that exists. @throws SecretFileError when its keys are not here */
  async #join(log: AuditLog | undefined): Promise<OpenLog | undefined> {
    if (log === undefined) return undefined;
    const open = { ...log, ...this.keys.open(log.origin) };
    await this.unitOfWork.run((tx) => this.#makePartitions(tx, log.id));
    this.#byId.set(log.id, open);
    return open;
  }

  /** Makes a log with its first records: both or none. */
  async #make(wanted: Omit<AuditLog, 'id'>): Promise<OpenLog | undefined> {
    const keys = this.keys.make(wanted.origin);
    return this.unitOfWork.run(async (tx) => {
      const predecessor = await this.repository.findLatest(tx, wanted.orgId);
      const log = await this.repository.insert(tx, wanted, this.clock.nowMs());
      if (log === undefined) return undefined;
      await this.#makePartitions(tx, log.id);
      const open = { ...log, ...keys };
      this.#byId.set(log.id, open);
      await this.#onMade(tx, open, predecessor);
      return open;
    });
  }

  async #makePartitions(tx: Tx, logId: number): Promise<void> {
    const month = monthOf(this.clock.nowMs());
    await this.repository.ensurePartitions(tx, logId, month);
    await this.repository.ensurePartitions(tx, logId, nextMonth(month));
  }
}
