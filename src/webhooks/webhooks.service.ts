import { Injectable } from '@nestjs/common';

import { AuditService } from '../audit/index.js';
import { describeChange } from '../identity/index.js';
import { Clock } from '../platform/clock/index.js';
import { UnitOfWork, type Tx } from '../platform/database/index.js';
import { AppError } from '../platform/errors/index.js';
import { requireVersion, type Keyset } from '../platform/http/index.js';
import { newId } from '../platform/ids/index.js';
import type { Principal } from '../platform/security/index.js';
import { checkReceiverUrl } from './domain/receiver-url.js';
import type { Endpoint, MessageFormat, SignatureScheme } from './domain/webhook.js';
import { EndpointRepository } from './persistence/endpoint.repository.js';
import { WebhookKeys, type ShownKey } from './webhook-keys.js';
import { WebhookSender } from './webhook-sender.js';

/** Endpoints of one organisation. */
const MAX_ENDPOINTS = 50;

/** What is given for a new endpoint. */
export interface NewEndpoint {
  readonly url: string;
  readonly description: string;
  readonly eventTypes: readonly string[];
  readonly format: MessageFormat;
  readonly signatures: readonly SignatureScheme[];
}

/** Changed members of an endpoint; absent ones stay. */
export interface EndpointPatch {
  readonly url?: string | undefined;
  readonly description?: string | undefined;
  readonly eventTypes?: readonly string[] | undefined;
  readonly format?: MessageFormat | undefined;
  readonly state?: Endpoint['state'] | undefined;
}

/** An endpoint with the keys that sign for it. */
export interface EndpointView {
  readonly endpoint: Endpoint;
  readonly keys: readonly ShownKey[];
}

/** Which endpoint, and the version a change is based on. */
export interface EndpointTarget {
  readonly id: string;
  readonly version: number;
}

/** Endpoints of an organisation and their signing keys; every change is on record. */
@Injectable()
export class WebhooksService {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly repository: EndpointRepository,
    private readonly keys: WebhookKeys,
    private readonly sender: WebhookSender,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /** Makes an endpoint; a `v1` secret is in the answer and never again.
   *  @throws AppError invalid_value — the URL; conflict — there are fifty already */
  async create(principal: Principal, input: NewEndpoint): Promise<EndpointView> {
    const nowMs = this.clock.nowMs();
    const endpoint: Endpoint = {
      id: newId(),
      orgId: principal.orgId,
      url: checkReceiverUrl(input.url, this.sender.allowed),
      description: input.description,
      eventTypes: sorted(input.eventTypes),
      format: input.format,
      state: 'enabled',
      disabledBecause: null,
      failingSinceMs: null,
      version: 1,
      createdAtMs: nowMs,
    };
    const { stored, shown } = this.keys.make(endpoint.id, sorted(input.signatures), nowMs);
    await this.unitOfWork.run(async (tx) => {
      if ((await this.repository.count(tx, principal.orgId)) >= MAX_ENDPOINTS) {
        throw new AppError('conflict', `There are ${String(MAX_ENDPOINTS)} endpoints already. Remove one first.`);
      }
      await this.repository.insert(tx, endpoint);
      await this.repository.insertKeys(tx, stored);
      await this.#record(tx, principal, undefined, endpoint);
    });
    return { endpoint, keys: shown };
  }

  /** @throws AppError not_found, version_conflict, invalid_value */
  async update(principal: Principal, target: EndpointTarget, patch: EndpointPatch): Promise<EndpointView> {
    const url = patch.url === undefined ? undefined : checkReceiverUrl(patch.url, this.sender.allowed);
    return this.unitOfWork.run(async (tx) => {
      const before = await this.#findForChange(tx, principal, target);
      const state = patch.state ?? before.state;
      const after: Endpoint = {
        ...before,
        url: url ?? before.url,
        description: patch.description ?? before.description,
        eventTypes: patch.eventTypes === undefined ? before.eventTypes : sorted(patch.eventTypes),
        format: patch.format ?? before.format,
        state,
        disabledBecause: state === 'enabled' ? null : (before.disabledBecause ?? 'operator'),
        failingSinceMs: state === before.state ? before.failingSinceMs : null,
        version: before.version + 1,
      };
      await this.repository.update(tx, after, before.version);
      await this.#record(tx, principal, before, after);
      return this.#view(tx, after);
    });
  }

  /** Removes an endpoint with its keys and its delivery log. @throws AppError not_found, version_conflict */
  async remove(principal: Principal, target: EndpointTarget): Promise<void> {
    await this.unitOfWork.run(async (tx) => {
      const before = await this.#findForChange(tx, principal, target);
      await this.repository.remove(tx, before.id, before.version);
      await this.audit.record(tx, {
        type: 'webhook.change',
        principal,
        object: { kind: 'webhook', id: before.id, version: before.version + 1 },
        fields: ['removed'],
        old: { removed: false },
        new: { removed: true },
      });
    });
  }

  /** Makes new keys. Those of now sign beside them until the overlap is over, so that no receiver misses a message.
   *  @throws AppError not_found, version_conflict */
  async rotate(
    principal: Principal,
    target: EndpointTarget,
    wish: { readonly signatures?: readonly SignatureScheme[] | undefined; readonly overlapSeconds: number },
  ): Promise<EndpointView> {
    return this.unitOfWork.run(async (tx) => {
      const before = await this.#findForChange(tx, principal, target);
      const nowMs = this.clock.nowMs();
      const present = await this.repository.findKeys(tx, [before.id], nowMs);
      const current = present.filter(({ retiresAtMs }) => retiresAtMs === null).map(({ scheme }) => scheme);
      const { stored, shown } = this.keys.make(before.id, sorted(wish.signatures ?? current), nowMs);
      await this.repository.retireKeys(tx, before.id, nowMs + wish.overlapSeconds * 1_000);
      await this.repository.removeRetiredKeys(tx, nowMs);
      await this.repository.insertKeys(tx, stored);
      const after = { ...before, version: before.version + 1 };
      await this.repository.update(tx, after, before.version);
      await this.audit.record(tx, {
        type: 'webhook.change',
        principal,
        object: { kind: 'webhook', id: after.id, version: after.version },
        fields: ['keys'],
        old: { keys: present.map(({ id }) => id) },
        new: { keys: stored.map(({ id }) => id) },
      });
      const { keys } = await this.#view(tx, after);
      return { endpoint: after, keys: [...shown, ...keys.filter((key) => !shown.some(({ id }) => id === key.id))] };
    });
  }

  /** @throws AppError not_found */
  async find(principal: Principal, id: string): Promise<EndpointView> {
    return this.unitOfWork.read(async (tx) =>
      this.#view(tx, found(await this.repository.find(tx, principal.orgId, id))),
    );
  }

  /** In the order of creation; one more than `limit` when there are more. */
  async list(
    principal: Principal,
    page: { readonly after: Keyset | undefined; readonly limit: number },
  ): Promise<readonly EndpointView[]> {
    return this.unitOfWork.read(async (tx) => {
      const endpoints = await this.repository.findPage(tx, principal.orgId, { ...page, limit: page.limit + 1 });
      const ids = endpoints.map(({ id }) => id);
      const keys = await this.repository.findKeys(tx, ids, this.clock.nowMs());
      return endpoints.map((endpoint) => ({
        endpoint,
        keys: keys.filter(({ endpointId }) => endpointId === endpoint.id).map((key) => this.keys.show(key)),
      }));
    });
  }

  async #findForChange(tx: Tx, principal: Principal, { id, version }: EndpointTarget): Promise<Endpoint> {
    const endpoint = found(await this.repository.findForUpdate(tx, principal.orgId, id));
    requireVersion(endpoint.version, version);
    return endpoint;
  }

  async #view(tx: Tx, endpoint: Endpoint): Promise<EndpointView> {
    const keys = await this.repository.findKeys(tx, [endpoint.id], this.clock.nowMs());
    return { endpoint, keys: keys.map((key) => this.keys.show(key)) };
  }

  async #record(tx: Tx, principal: Principal, before: Endpoint | undefined, after: Endpoint): Promise<void> {
    const { fields, old, new: current } = describeChange(before, after);
    await this.audit.record(tx, {
      type: 'webhook.change',
      principal,
      object: { kind: 'webhook', id: after.id, version: after.version },
      fields,
      old,
      new: current,
    });
  }
}

/** @throws AppError not_found — also: not yours */
export function found<T>(value: T | undefined): T {
  if (value === undefined) throw new AppError('not_found', 'Your organisation has no such endpoint or delivery.');
  return value;
}

function sorted<T extends string>(values: readonly T[]): readonly T[] {
  return [...new Set(values)].sort();
}
