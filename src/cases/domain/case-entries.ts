/** Who beside its team's lead may charge an investigation. */
export type CaseAccess = 'members' | 'team' | 'organisation';

/** What calls are for. */
export interface Investigation {
  readonly id: string;
  readonly orgId: string;
  /** The case system's own name, unique in the organisation. `[A-Za-z0-9][A-Za-z0-9._:-]{0,99}`. */
  readonly externalRef: string;
  readonly title: string;
  readonly teamId: string | null;
  readonly state: 'open' | 'closed';
  readonly access: CaseAccess;
  /** Calls for it must name a purpose. */
  readonly purposeRequired: boolean;
  readonly createdBy: string | null;
  readonly version: number;
  readonly createdAtMs: number;
  readonly closedAtMs: number | null;
}

/** A person who works on an investigation. */
export interface Member {
  readonly investigationId: string;
  readonly userId: string;
  readonly addedBy: string | null;
  readonly addedAtMs: number;
}

/** A named piece of work, inside one investigation or across them. */
export interface Operation {
  readonly id: string;
  readonly orgId: string;
  /** `null`: everyone in the organisation may name it. */
  readonly investigationId: string | null;
  readonly externalRef: string;
  readonly title: string;
  readonly state: 'open' | 'closed';
  readonly version: number;
  readonly createdAtMs: number;
}

/** A reason the organisation accepts for a call. */
export interface Purpose {
  readonly id: string;
  readonly orgId: string;
  /** `[a-z0-9][a-z0-9._-]{0,63}`, unique in the organisation. */
  readonly code: string;
  readonly label: string;
  readonly active: boolean;
  readonly version: number;
  readonly createdAtMs: number;
}

/** A registered document: identical bytes are one document of the organisation. */
export interface Document {
  readonly id: string;
  readonly orgId: string;
  /** 64 lower-case hex digits. */
  readonly sha256: string;
  /** 1…33 554 432. */
  readonly bytes: number;
  readonly mediaType: string;
  readonly createdBy: string | null;
  readonly createdAtMs: number;
}

/** A document's place in an investigation. */
export interface DocumentLink {
  readonly documentId: string;
  readonly investigationId: string;
  readonly label: string;
  readonly linkedBy: string | null;
  readonly linkedAtMs: number;
}
