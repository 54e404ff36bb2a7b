import { AppError } from '../../platform/errors/index.js';
import type { Attribution, Principal } from '../../platform/security/index.js';
import { mayCharge, type Person } from './case-access.js';
import type { CaseBook, OpenInvestigation } from './case-book.js';
import type { Operation, Purpose } from './case-entries.js';

/** What the caller says about the evidence of a call. Kept only as commitments. */
export interface EvidenceWish {
  readonly legalBasis?: string | undefined;
  /** Ids or SHA-256 digests of registered documents, at most 50. */
  readonly exhibits?: readonly string[] | undefined;
  readonly subjects?: readonly string[] | undefined;
  readonly referenceDatabase?: string | undefined;
}

/** What a request names: headers and the `aip` member, already merged. */
export interface ChargeWishes {
  /** Id or external reference. */
  readonly investigation?: string | undefined;
  readonly operation?: string | undefined;
  readonly purpose?: string | undefined;
  readonly justification?: string | undefined;
  /** User id. */
  readonly onBehalfOf?: string | undefined;
  readonly evidence?: EvidenceWish | undefined;
}

/** Whom a call is for: decided by the credential, within it by what the request names. */
export interface Charge {
  /** Who calls. */
  readonly principal: Principal;
  /** Who pays. With a delegate, the person it acts for. */
  readonly attribution: Attribution;
  readonly investigation: { readonly id: string; readonly externalRef: string } | null;
  readonly operation: { readonly id: string; readonly externalRef: string } | null;
  readonly purpose: { readonly id: string; readonly code: string } | null;
  readonly justification: string | null;
  /** The service user that acts for `attribution.userId`; `null` when nobody is in between. */
  readonly delegateUserId: string | null;
  readonly evidence: EvidenceWish | null;
}

/** What the decision is made on, all from one snapshot. */
export interface ChargeFacts {
  readonly book: CaseBook;
  readonly organisation: { readonly requireInvestigation: boolean; readonly requirePurpose: boolean };
  /** The active user named in `onBehalfOf`, whatever their organisation; `undefined` when there is none. */
  readonly beneficiary: { readonly id: string; readonly orgId: string; readonly teamId: string | null } | undefined;
}

const MIN_JUSTIFICATION = 8;
const MAX_JUSTIFICATION = 500;

/** Decides whom a call is charged to. An investigation that is unknown, closed or not the caller's gives one and the same
 *  refusal. Naming someone in `onBehalfOf` never reaches beyond what that person may charge.
 *  @throws AppError investigation_forbidden, investigation_required, purpose_required, insufficient_scope, invalid_value */
export function decideCharge(principal: Principal, wishes: ChargeWishes, facts: ChargeFacts): Charge {
  const person = personOf(principal, wishes.onBehalfOf, facts);
  const operation = operationOf(person, wishes, facts.book);
  const investigation = investigationOf({ principal, person }, operation, { wishes, facts });
  const purpose = purposeOf(principal.orgId, wishes.purpose, facts.book);
  requireWhatRulesDemand({ investigation, purpose }, facts);
  return {
    principal,
    attribution: {
      orgId: principal.orgId,
      teamId: person.teamId,
      userId: person.userId,
      keyId: principal.credential.kind === 'virtual_key' ? principal.credential.id : null,
      investigationId: investigation?.id ?? null,
      operationId: operation?.id ?? null,
    },
    investigation: investigation === null ? null : { id: investigation.id, externalRef: investigation.externalRef },
    operation: operation === null ? null : { id: operation.id, externalRef: operation.externalRef },
    purpose: purpose === null ? null : { id: purpose.id, code: purpose.code },
    justification: justificationOf(wishes.justification),
    delegateUserId: person.userId === principal.userId ? null : principal.userId,
    evidence: wishes.evidence ?? null,
  };
}

function personOf(principal: Principal, onBehalfOf: string | undefined, facts: ChargeFacts): Person {
  if (onBehalfOf === undefined || onBehalfOf === principal.userId) return principal;
  if (!principal.permissions.has('chat:delegate')) {
    throw new AppError(
      'insufficient_scope',
      'Acting on behalf of someone needs chat:delegate. Leave AIP-On-Behalf-Of out.',
      {
        param: 'AIP-On-Behalf-Of',
        headers: { 'www-authenticate': 'Bearer realm="aip", error="insufficient_scope", scope="chat:delegate"' },
      },
    );
  }
  const { beneficiary } = facts;
  if (beneficiary?.id !== onBehalfOf || beneficiary.orgId !== principal.orgId) {
    throw new AppError('invalid_value', 'AIP-On-Behalf-Of: your organisation has no active user with this id.', {
      param: 'AIP-On-Behalf-Of',
    });
  }
  return { orgId: principal.orgId, userId: beneficiary.id, teamId: beneficiary.teamId, kind: 'user' };
}

function operationOf(person: Person, wishes: ChargeWishes, book: CaseBook): Operation | null {
  if (wishes.operation === undefined) return null;
  const operation = book.operation(person.orgId, wishes.operation);
  if (operation === undefined) throw forbidden('operation');
  return operation;
}

/** Named by the request, else by the operation, else by the key; always checked. */
function investigationOf(
  callers: { readonly principal: Principal; readonly person: Person },
  operation: Operation | null,
  { wishes, facts }: { readonly wishes: ChargeWishes; readonly facts: ChargeFacts },
): OpenInvestigation | null {
  const { principal, person } = callers;
  const wanted =
    wishes.investigation ?? operation?.investigationId ?? principal.entitlements.defaultInvestigationId ?? undefined;
  if (wanted === undefined) return null;
  const investigation = facts.book.investigation(principal.orgId, wanted);
  const isMember = investigation?.members.has(person.userId) === true;
  if (investigation === undefined || !mayCharge(person, { ...investigation, isMember }))
    throw forbidden('investigation');
  if (operation !== null && operation.investigationId !== null && operation.investigationId !== investigation.id) {
    throw forbidden('operation');
  }
  return investigation;
}

function purposeOf(orgId: string, code: string | undefined, book: CaseBook): Purpose | null {
  if (code === undefined) return null;
  const purpose = book.purpose(orgId, code);
  if (purpose !== undefined) return purpose;
  throw new AppError('invalid_value', 'AIP-Purpose: this is no active purpose code. GET /api/purposes lists them.', {
    param: 'AIP-Purpose',
  });
}

function requireWhatRulesDemand(
  named: { readonly investigation: OpenInvestigation | null; readonly purpose: Purpose | null },
  { organisation }: ChargeFacts,
): void {
  if (named.investigation === null && organisation.requireInvestigation) {
    throw new AppError(
      'investigation_required',
      'Your organisation charges every call to an investigation. Name one in AIP-Investigation.',
      { param: 'AIP-Investigation' },
    );
  }
  const demanded = organisation.requirePurpose || named.investigation?.purposeRequired === true;
  if (named.purpose === null && demanded) {
    throw new AppError('purpose_required', 'A purpose must be stated for this call. Send its code in AIP-Purpose.', {
      param: 'AIP-Purpose',
    });
  }
}

function justificationOf(text: string | undefined): string | null {
  if (text === undefined) return null;
  const trimmed = text.trim();
  if (trimmed.length >= MIN_JUSTIFICATION && trimmed.length <= MAX_JUSTIFICATION) return trimmed;
  throw new AppError(
    'invalid_value',
    `aip.justification: must have ${String(MIN_JUSTIFICATION)}…${String(MAX_JUSTIFICATION)} characters.`,
    { param: 'aip.justification' },
  );
}

function forbidden(what: 'investigation' | 'operation'): AppError {
  const header = what === 'investigation' ? 'AIP-Investigation' : 'AIP-Operation';
  return new AppError(
    'investigation_forbidden',
    `This ${what} does not exist, is closed, or the person this call is for is not assigned to it. Ask its team lead.`,
    { param: header },
  );
}
