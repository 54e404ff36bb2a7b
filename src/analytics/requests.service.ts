import { Injectable } from '@nestjs/common';

import { UnitOfWork } from '../platform/database/index.js';
import { AppError } from '../platform/errors/index.js';
import type { Keyset } from '../platform/http/index.js';
import { isUuid } from '../platform/ids/index.js';
import type { Principal } from '../platform/security/index.js';
import { scopeOf } from './domain/usage-filter.js';
import { RequestReportRepository, type RequestFact } from './persistence/request-report.repository.js';

/** Finished requests, as far as the caller may see. */
@Injectable()
export class RequestsService {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly requests: RequestReportRepository,
  ) {}

  /** @throws AppError not_found */
  async find(principal: Principal, id: string): Promise<RequestFact> {
    const found = isUuid(id)
      ? await this.unitOfWork.read((tx) => this.requests.find(tx, scopeOf(principal), id))
      : undefined;
    if (found === undefined)
      throw new AppError('not_found', 'There is no such finished request, or you may not see it.');
    return found;
  }

  /** One more than `limit` when there are more. */
  async list(
    principal: Principal,
    page: { readonly after: Keyset | undefined; readonly limit: number },
  ): Promise<readonly RequestFact[]> {
    return this.unitOfWork.read((tx) =>
      this.requests.findPage(tx, scopeOf(principal), { ...page, limit: page.limit + 1 }),
    );
  }
}
