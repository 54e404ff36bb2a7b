import { Injectable } from '@nestjs/common';

import { UnitOfWork, type Tx } from '../platform/database/index.js';
import type { Principal } from '../platform/security/index.js';
import { ConfigSnapshots, type ConfigSnapshot, type SnapshotPart } from '../platform/snapshot/index.js';
import { IdentityService } from '../identity/index.js';
import { CaseBook } from './domain/case-book.js';
import { decideCharge, type Charge, type ChargeWishes } from './domain/charge.js';
import { matchExhibits, readExhibitNames, type Exhibit } from './domain/exhibits.js';
import { DocumentsRepository } from './persistence/documents.repository.js';
import { InvestigationsRepository } from './persistence/investigations.repository.js';
import { OperationsRepository } from './persistence/operations.repository.js';

/** Says what a call is for and who pays. */
@Injectable()
export class CasesService {
  /** Everything a charge can name, as the snapshot in force sees it. */
  readonly part: SnapshotPart<CaseBook>;

  constructor(
    private readonly identity: IdentityService,
    private readonly unitOfWork: UnitOfWork,
    private readonly investigations: InvestigationsRepository,
    private readonly operations: OperationsRepository,
    private readonly documents: DocumentsRepository,
    snapshots: ConfigSnapshots,
  ) {
    this.part = snapshots.register({ name: 'cases', load: (tx: Tx) => this.#load(tx) });
  }

  /** Decides whom a call is charged to; reads memory only.
   *  @throws AppError investigation_forbidden, investigation_required, purpose_required, insufficient_scope, invalid_value */
  authoriseCharge(principal: Principal, wishes: ChargeWishes, snapshot: ConfigSnapshot): Charge {
    const directory = snapshot.get(this.identity.part);
    const organisation = directory.organisation(principal.orgId);
    if (organisation === undefined) throw new Error(`Organisation ${principal.orgId} is not in the snapshot`);
    const beneficiary = wishes.onBehalfOf === undefined ? undefined : directory.user(wishes.onBehalfOf);
    return decideCharge(principal, wishes, { book: snapshot.get(this.part), organisation, beneficiary });
  }

  /** The documents a charge names as evidence; all of them lie in the charged investigation. Reads the database only when some
   *  are named. @throws AppError invalid_value, investigation_forbidden */
  async resolveExhibits(charge: Charge): Promise<readonly Exhibit[]> {
    const wanted = charge.evidence?.exhibits ?? [];
    if (wanted.length === 0) return [];
    const names = readExhibitNames(wanted);
    const { investigation } = charge;
    if (investigation === null) return matchExhibits(names, []);
    const linked = await this.unitOfWork.read((tx) => this.documents.findExhibits(tx, investigation.id, names));
    return matchExhibits(names, linked);
  }

  async #load(tx: Tx): Promise<{ readonly value: CaseBook; readonly rows: unknown }> {
    const investigations = await this.investigations.findOpen(tx);
    const members = await this.investigations.findMembersOfOpen(tx);
    const operations = await this.operations.findOpenOperations(tx);
    const purposes = await this.operations.findActivePurposes(tx);
    return {
      value: new CaseBook({ investigations, members, operations, purposes }),
      rows: {
        investigations: investigations.map((one) => [
          one.id,
          one.externalRef,
          one.teamId,
          one.access,
          one.purposeRequired,
        ]),
        members: members.map(({ investigationId, userId }) => [investigationId, userId]),
        operations: operations.map(({ id, externalRef, investigationId }) => [id, externalRef, investigationId]),
        purposes: purposes.map(({ orgId, code }) => [orgId, code]),
      },
    };
  }
}
