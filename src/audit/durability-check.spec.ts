import { describe, expect, it } from '@jest/globals';

import type { AuditConfig, ServerConfig } from '../platform/config/index.js';
import type { UnitOfWork } from '../platform/database/index.js';
import { DurabilityCheck, DurabilityError } from './durability-check.js';
import type { AuditLogRepository } from './persistence/audit-log.repository.js';

function checkOf(lax: readonly string[], durability: string, production: boolean): DurabilityCheck {
  const unitOfWork = { read: (work: (tx: unknown) => Promise<unknown>) => work({}) };
  return new DurabilityCheck(
    unitOfWork as unknown as UnitOfWork,
    { findLaxSettings: () => Promise.resolve(lax) } as unknown as AuditLogRepository,
    { durability } as AuditConfig,
    { production } as ServerConfig,
  );
}

describe('DurabilityCheck', () => {
  it('refuses a database that may lose what it confirmed', async () => {
    const refused = checkOf(['fsync', 'synchronous_commit'], 'strict', true).require();
    await expect(refused).rejects.toThrow(DurabilityError);
    await expect(refused).rejects.toThrow('fsync=off and synchronous_commit=off');
  });

  it.each<[string, readonly string[], string, boolean]>([
    ['a durable database', [], 'strict', true],
    ['relaxed durability', ['fsync'], 'relaxed', true],
    ['development', ['fsync'], 'strict', false],
  ])('lets %s pass', async (_, lax, durability, production) => {
    await expect(checkOf(lax, durability, production).require()).resolves.toBeUndefined();
  });
});
