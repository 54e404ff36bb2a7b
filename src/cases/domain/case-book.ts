import type { Investigation, Member, Operation, Purpose } from './case-entries.js';

interface Shelf {
  readonly investigations: Map<string, OpenInvestigation>;
  readonly operations: Map<string, Operation>;
  readonly purposes: Map<string, Purpose>;
}

/** An open investigation with the people on it. */
export interface OpenInvestigation extends Investigation {
  readonly members: ReadonlySet<string>;
}

/** Everything a charge can name, as one configuration snapshot sees it: open investigations and operations, active purposes. */
export class CaseBook {
  readonly #shelves = new Map<string, Shelf>();
  readonly #count: number;

  constructor(entries: {
    readonly investigations: readonly Investigation[];
    readonly members: readonly Pick<Member, 'investigationId' | 'userId'>[];
    readonly operations: readonly Operation[];
    readonly purposes: readonly Purpose[];
  }) {
    const members = Map.groupBy(entries.members, ({ investigationId }) => investigationId);
    for (const investigation of entries.investigations) {
      if (investigation.state !== 'open') continue;
      const people = new Set((members.get(investigation.id) ?? []).map(({ userId }) => userId));
      const open = { ...investigation, members: people };
      const { investigations } = this.#shelf(investigation.orgId);
      investigations.set(open.id, open);
      investigations.set(open.externalRef, open);
    }
    for (const operation of entries.operations) {
      if (operation.state !== 'open') continue;
      const { operations } = this.#shelf(operation.orgId);
      operations.set(operation.id, operation);
      operations.set(operation.externalRef, operation);
    }
    for (const purpose of entries.purposes) {
      if (purpose.active) this.#shelf(purpose.orgId).purposes.set(purpose.code, purpose);
    }
    this.#count = entries.investigations.length;
  }

  /** An open investigation by id or external reference. */
  investigation(orgId: string, idOrRef: string): OpenInvestigation | undefined {
    return this.#shelves.get(orgId)?.investigations.get(idOrRef);
  }

  /** An open operation by id or external reference. */
  operation(orgId: string, idOrRef: string): Operation | undefined {
    return this.#shelves.get(orgId)?.operations.get(idOrRef);
  }

  /** An active purpose by code. */
  purpose(orgId: string, code: string): Purpose | undefined {
    return this.#shelves.get(orgId)?.purposes.get(code);
  }

  /** Investigations that were read. */
  get size(): number {
    return this.#count;
  }

  #shelf(orgId: string): Shelf {
    const known = this.#shelves.get(orgId);
    if (known !== undefined) return known;
    const shelf: Shelf = { investigations: new Map(), operations: new Map(), purposes: new Map() };
    this.#shelves.set(orgId, shelf);
    return shelf;
  }
}
