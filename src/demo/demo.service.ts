import { Injectable } from '@nestjs/common';

import { IdentityService } from '../identity/index.js';
import { Clock, formatInstant } from '../platform/clock/index.js';
import { InjectLogger, type Logger } from '../platform/logging/index.js';
import { ConfigSnapshots } from '../platform/snapshot/index.js';
import { ProvidersService } from '../providers/index.js';
import { DemoApi, type Inject } from './demo-api.js';
import { DemoSeeds } from './demo-seeds.js';
import { DemoSettings } from './demo-settings.js';
import { seedBudgets, seedQuotas } from './seed/limits.js';
import { runEvidence } from './seed/evidence.js';
import type { SeededOrganisation } from './seed/organisation.js';
import { DEMO_ORGANISATION, DEMO_PEOPLE } from './seed/people.js';

const DAY_MS = 86_400_000;
const RANGE_DAYS = 30;

/** How many partners are configured, and whether this is a demonstration. */
export interface DemoState {
  readonly active: boolean;
  readonly simulated: number;
  readonly real: number;
}

/** Builds and starts the demonstration: on a fresh installation, or when it is asked for. */
@Injectable()
export class DemoService {
  constructor(
    private readonly seeds: DemoSeeds,
    private readonly identity: IdentityService,
    private readonly snapshots: ConfigSnapshots,
    private readonly providers: ProvidersService,
    private readonly settings: DemoSettings,
    private readonly clock: Clock,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  /** Starts simulated partners and, once, seeds everything around them. `inject` runs a request through the application. */
  async start(inject: Inject): Promise<DemoState> {
    if (!this.#isWanted()) return { active: false, ...this.#count() };
    const known = this.identity
      .directory()
      .organisations()
      .find(({ name }) => name === DEMO_ORGANISATION);
    const seeded = known === undefined ? await this.#seed(inject) : await this.#resume(known.id);
    await this.#startPartners(this.#apiOf(inject, seeded), true);
    this.#writeFile(seeded);
    return { active: true, ...this.#count() };
  }

  #isWanted(): boolean {
    const { mode, production } = this.settings;
    if (mode !== 'auto') return mode === 'on';
    return !production && this.#count().real === 0;
  }

  #count(): { readonly simulated: number; readonly real: number } {
    const { deployments } = this.snapshots.current().get(this.providers.part);
    const names = (simulated: boolean): number =>
      new Set(deployments.filter((one) => one.simulated === simulated).map(({ providerId }) => providerId)).size;
    return { simulated: names(true), real: names(false) };
  }

  async #seed(inject: Inject): Promise<SeededOrganisation> {
    const seeded = await this.seeds.organisation.run();
    const api = this.#apiOf(inject, seeded);
    await this.#startPartners(api, false);
    const analysts = DEMO_PEOPLE.filter(({ role }) => role === 'analyst').flatMap(
      ({ email }) => seeded.users.get(email) ?? [],
    );
    const answered = await runEvidence(inject, { key: seeded.serviceKey, users: analysts, seed: this.settings.seed });
    await seedQuotas(api);
    await seedBudgets(api, seeded, this.#range());
    this.logger.info({ event: 'demo_seeded', answered });
    return seeded;
  }

  /** The demo of an earlier start. Its key is in the file; a lost file gets a new key. */
  async #resume(orgId: string): Promise<SeededOrganisation> {
    const people = this.identity
      .directory()
      .users()
      .filter((user) => user.orgId === orgId);
    const users = new Map(people.flatMap(({ email, id }) => (email === null ? [] : [[email, id] as const])));
    const serviceId = people.find(({ kind }) => kind === 'service')?.id;
    if (serviceId === undefined)
      throw new Error('The demo has lost its case system. Remove the data folder to start anew.');
    const kept = this.settings.file.read('DEMO_KEY');
    const serviceKey = kept ?? (await this.seeds.organisation.newKey({ kind: 'system', orgId }, serviceId));
    return { orgId, users, serviceId, serviceKey };
  }

  async #startPartners(api: DemoApi, realistic: boolean): Promise<void> {
    const baseUrls = await this.seeds.simulation.start(realistic);
    await this.seeds.partners.run(api, { baseUrls, credential: this.seeds.simulation.credential() });
  }

  #apiOf(inject: Inject, { users }: SeededOrganisation): DemoApi {
    const admin = this.#userOf(users, 'rita@demo.example');
    return new DemoApi(inject, () => this.identity.mintToken({ userId: admin, ttlSeconds: 300 }).token);
  }

  #writeFile({ users, serviceKey }: SeededOrganisation): void {
    const { from, to } = this.#range();
    this.settings.file.write({
      DEMO_URL: this.settings.publicUrl,
      DEMO_KEY: serviceKey,
      DEMO_USER: this.#userOf(users, 'cleo@demo.example'),
      DEMO_ADMIN: this.#userOf(users, 'rita@demo.example'),
      DEMO_FROM: from,
      DEMO_TO: to,
    });
  }

  #userOf(users: ReadonlyMap<string, string>, email: string): string {
    const id = users.get(email);
    if (id === undefined) throw new Error(`The demo has lost ${email}. Remove the data folder to start anew.`);
    return id;
  }

  #range(): { readonly from: string; readonly to: string } {
    const today = Math.floor(this.clock.nowMs() / DAY_MS) * DAY_MS;
    return { from: formatInstant(today - RANGE_DAYS * DAY_MS), to: formatInstant(today + 2 * DAY_MS) };
  }
}
