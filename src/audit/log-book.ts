import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/index.js';
import { AuditConfig } from '../platform/config/index.js';
import { UnitOfWork, type Tx } from '../platform/database/index.js';
import { halfYearOf, monthOf, nextMonth } from './domain/period.js';
import { KeyRing, type LogKeys } from './key-ring.js';
import { AuditLogRepository, type AuditLog } from './persistence/audit-log.repository.js';

/** A log that this process writes to. */
export type OpenLog = AuditLog & LogKeys;

/** The logs in force: one per organisation and half-year, with its keys and partitions. */
@Injectable()
export class LogBook {
  readonly #open = new Map<string, OpenLog>();
  readonly #opening = new Map<string, Promise<OpenLog>>();
  #onMade: (log: OpenLog) => Promise<void> = () => Promise.resolve();

  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly repository: AuditLogRepository,
    private readonly keys: KeyRing,
    private readonly config: AuditConfig,
    private readonly clock: Clock,
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
   *  @throws SecretFileError — the log exists and its key does not */
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

  /** The organisation of an open log. */
  orgOf(logId: number): string {
    for (const log of this.#open.values()) if (log.id === logId) return log.orgId;
    throw new Error(`Log ${String(logId)} is not open here`);
  }

  /** The organisation of any log. */
  async findOrg(tx: Tx, logId: number): Promise<string> {
    const log = (await this.repository.findAll(tx)).find(({ id }) => id === logId);
    if (log === undefined) throw new Error(`There is no log ${String(logId)}`);
    return log.orgId;
  }

  /** Has `write` called with each log that this process makes, before anybody else can use it. */
  onMade(write: (log: OpenLog) => Promise<void>): void {
    this.#onMade = write;
  }

  /** Makes next month's partitions of every open log. */
  async prepareMonths(): Promise<void> {
    for (const log of this.#open.values()) await this.#makePartitions(log.id);
  }

  async #openLog(orgId: string, period: string): Promise<OpenLog> {
    const origin = `${this.config.name}/${orgId}/${period}`;
    const found = await this.unitOfWork.read((tx) => this.repository.find(tx, orgId, period));
    const keys =
      found === undefined && !this.keys.has(origin) ? this.keys.make(origin) : this.keys.open(found?.origin ?? origin);
    const made =
      found === undefined
        ? await this.unitOfWork.run((tx) => this.repository.insert(tx, { origin, orgId, period }, this.clock.nowMs()))
        : undefined;
    const log = made ?? found ?? (await this.unitOfWork.read((tx) => this.repository.find(tx, orgId, period)));
    if (log === undefined) throw new Error(`The evidence log ${origin} could not be opened`);
    await this.#makePartitions(log.id);
    const open: OpenLog = { ...log, ...keys };
    this.#open.set(orgId, open);
    if (made !== undefined) await this.#onMade(open);
    return open;
  }

  async #makePartitions(logId: number): Promise<void> {
    const month = monthOf(this.clock.nowMs());
    await this.unitOfWork.run(async (tx) => {
      await this.repository.ensurePartitions(tx, logId, month);
      await this.repository.ensurePartitions(tx, logId, nextMonth(month));
    });
  }
}
