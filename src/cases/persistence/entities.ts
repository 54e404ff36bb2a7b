import { DocumentLinkEntity } from './document-link.entity.js';
import { DocumentEntity } from './document.entity.js';
import { InvestigationMemberEntity } from './investigation-member.entity.js';
import { InvestigationEntity } from './investigation.entity.js';
import { OperationEntity } from './operation.entity.js';
import { PurposeEntity } from './purpose.entity.js';

/** The rows of this module. */
export const CASES_ENTITIES = [
  InvestigationEntity,
  InvestigationMemberEntity,
  OperationEntity,
  PurposeEntity,
  DocumentEntity,
  DocumentLinkEntity,
];
