import { randomBytes } from 'node:crypto';

import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/index.js';
import { UnitOfWork, type Tx } from '../platform/database/index.js';
import { AppError } from '../platform/errors/index.js';
import { newId } from '../platform/ids/index.js';
import type { Principal } from '../platform/security/index.js';
import { ConfigSnapshots } from '../platform/snapshot/index.js';
import { AccessChanges } from './access-changes.js';
import { callerOf, type Actor } from './actor.js';
import type { User, VirtualKey } from './domain/directory-entries.js';
import { decideKeyLimits, mayManageKeysOf, type KeyRequest } from './domain/key-policy.js';
import { issueKey } from './domain/virtual-key.js';
import { areNetworks } from './networks.js';
import { KeysRepository } from './persistence/keys.repository.js';
import { UsersRepository } from './persistence/users.repository.js';
import type { Slice } from './users.service.js';

/** What is given for a new key. */
export interface NewKey extends KeyRequest {
  readonly name: string;
  /** Whose key; the caller's own when absent. The command line must say. */
  readonly userId?: string | undefined;
  /** `false` makes an `aip_test_…` key: simulated partners only. */
  readonly live?: boolean | undefined;
  readonly models?: readonly string[] | null | undefined;
  readonly cidrs?: readonly string[] | null | undefined;
  readonly defaultInvestigationId?: string | null | undefined;
  readonly batch?: boolean | undefined;
  readonly demo?: boolean | undefined;
}

/** A key at the moment it is made: the only time its text exists. */
export interface CreatedKey {
  readonly key: VirtualKey;
  /** The whole key text. Show it once; it cannot be read again. */
  readonly secret: string;
}

/** Virtual keys: made, listed, revoked. */
@Injectable()
export class KeysService {
  constructor(
    private readonly keys: KeysRepository,
    private readonly users: UsersRepository,
    private readonly snapshots: ConfigSnapshots,
    private readonly unitOfWork: UnitOfWork,
    private readonly changes: AccessChanges,
    private readonly clock: Clock,
  ) {}

  /** Makes a key that works on this replica when it resolves, on the others within 5 seconds.
   *  @throws AppError not_found — no such user, or none you may make keys for; invalid_value; insufficient_scope; criticality_forbidden */
  async createKey(actor: Actor, input: NewKey): Promise<CreatedKey> {
    const creator = callerOf(actor);
    const cidrs = input.cidrs ?? null;
    if (cidrs !== null && (cidrs.length === 0 || !areNetworks(cidrs))) {
      throw new AppError('invalid_value', 'cidrs: each entry must be a network such as 10.20.0.0/16.', {
        param: 'cidrs',
      });
    }
    return this.snapshots.change(async (tx) => {
      const owner = await this.#owner(tx, actor, input.userId);
      const limits = decideKeyLimits(input, { creator, owner }, this.clock.nowMs());
      const issued = issueKey({
        live: input.live ?? true,
        idBytes: randomBytes(8),
        secretBytes: randomBytes(32),
      });
      const key: VirtualKey = {
        id: newId(),
        orgId: actor.orgId,
        publicId: issued.publicId,
        live: input.live ?? true,
        name: input.name,
        userId: owner.id,
        ...limits,
        models: input.models ?? null,
        cidrs,
        defaultInvestigationId: input.defaultInvestigationId ?? null,
        batch: input.batch ?? false,
        revokedAtMs: null,
        createdBy: creator?.userId ?? null,
        createdAtMs: this.clock.nowMs(),
      };
      await this.keys.insert(tx, { ...key, secretSha256: issued.secretSha256, demo: input.demo ?? false });
      await this.changes.record(tx, actor, { object: 'key', after: key });
      return { key, secret: issued.text };
    });
  }

  /** Ends a key for good: here when it resolves, on every replica within 5 seconds. Revoking twice is no error.
   *  @throws AppError not_found — also: not yours */
  async revokeKey(actor: Actor, id: string): Promise<VirtualKey> {
    return this.snapshots.change(async (tx) => {
      const before = await this.#visibleKey(tx, actor, id);
      if (before.revokedAtMs !== null) return before;
      const after = { ...before, revokedAtMs: this.clock.nowMs() };
      if (await this.keys.revoke(tx, id, after.revokedAtMs)) {
        await this.changes.record(tx, actor, { object: 'key', before, after });
      }
      return after;
    });
  }

  /** @throws AppError not_found — also: not yours */
  async findKey(actor: Actor, id: string): Promise<VirtualKey> {
    return this.unitOfWork.read((tx) => this.#visibleKey(tx, actor, id));
  }

  /** Keys the caller may see: their own, as lead the team's, as administrator all. Oldest first; one row more than `limit`. */
  async listKeys(
    principal: Principal,
    filter: { readonly userId?: string | undefined },
    slice: Slice,
  ): Promise<readonly VirtualKey[]> {
    const all = principal.permissions.has('user:write');
    const teamId = principal.roles.includes('lead') ? principal.teamId : null;
    return this.unitOfWork.read((tx) =>
      this.keys.findAfter(
        tx,
        { orgId: principal.orgId, userId: filter.userId, visible: all ? null : { userId: principal.userId, teamId } },
        { ...slice, limit: slice.limit + 1 },
      ),
    );
  }

  async #owner(tx: Tx, actor: Actor, userId: string | undefined): Promise<User> {
    const creator = callerOf(actor);
    const id = userId ?? creator?.userId;
    const owner = id === undefined ? undefined : await this.users.findUser(tx, actor.orgId, id);
    const reachable = owner !== undefined && (creator === null || mayManageKeysOf(creator, owner));
    if (!reachable || owner.state !== 'active') {
      throw new AppError('not_found', 'There is no such active user, or you may not make keys for them.', {
        param: 'userId',
      });
    }
    return owner;
  }

  async #visibleKey(tx: Tx, actor: Actor, id: string): Promise<VirtualKey> {
    const caller = callerOf(actor);
    const key = await this.keys.find(tx, actor.orgId, id);
    const owner = key === undefined ? undefined : await this.users.findUser(tx, actor.orgId, key.userId);
    if (key === undefined || owner === undefined || (caller !== null && !mayManageKeysOf(caller, owner))) {
      throw new AppError('not_found', 'There is no such key, or you may not see it.');
    }
    return key;
  }
}
