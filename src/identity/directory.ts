import type { Principal } from '../platform/security/index.js';
import type { Organisation, StoredKey, Team, User } from './domain/directory-entries.js';
import { principalOfKey } from './domain/principal.js';
import { Networks } from './networks.js';

/** A key ready to be checked: no work is left for the request but comparing. */
export interface PreparedKey {
  readonly key: StoredKey;
  readonly principal: Principal;
  /** `null`: usable from anywhere. */
  readonly networks: Networks | null;
}

/** Who exists, as one configuration snapshot sees it. Holds active users only, and keys that were not revoked when it was read. */
export class Directory {
  readonly #organisations: ReadonlyMap<string, Organisation>;
  readonly #teams: ReadonlyMap<string, Team>;
  readonly #users: ReadonlyMap<string, User>;
  readonly #bySubject: ReadonlyMap<string, User>;
  readonly #keys: ReadonlyMap<string, PreparedKey>;

  constructor(entries: {
    readonly organisations: readonly Organisation[];
    readonly teams: readonly Team[];
    readonly users: readonly User[];
    readonly keys: readonly StoredKey[];
  }) {
    const active = entries.users.filter(({ state }) => state === 'active');
    this.#organisations = new Map(entries.organisations.map((one) => [one.id, one]));
    this.#teams = new Map(entries.teams.map((one) => [one.id, one]));
    this.#users = new Map(active.map((one) => [one.id, one]));
    this.#bySubject = new Map(
      active.flatMap((one) => (one.externalSubject === null ? [] : [[one.externalSubject, one] as const])),
    );
    this.#keys = new Map(entries.keys.flatMap((key) => this.#prepare(key)));
  }

  organisation(id: string): Organisation | undefined {
    return this.#organisations.get(id);
  }

  organisations(): readonly Organisation[] {
    return [...this.#organisations.values()];
  }

  team(id: string): Team | undefined {
    return this.#teams.get(id);
  }

  /** An active user. */
  user(id: string): User | undefined {
    return this.#users.get(id);
  }

  /** All active users. */
  users(): readonly User[] {
    return [...this.#users.values()];
  }

  /** All teams. */
  teams(): readonly Team[] {
    return [...this.#teams.values()];
  }

  /** The active user whom an outside issuer calls `iss|sub`. */
  userBySubject(subject: string): User | undefined {
    return this.#bySubject.get(subject);
  }

  /** A key by the public part of its text. */
  key(publicId: string): PreparedKey | undefined {
    return this.#keys.get(publicId);
  }

  #prepare(key: StoredKey): readonly (readonly [string, PreparedKey])[] {
    const user = this.#users.get(key.userId);
    if (user === undefined) return [];
    const networks = key.cidrs === null ? null : Networks.of(key.cidrs);
    return [[key.publicId, { key, principal: principalOfKey(key, user), networks }]];
  }
}
