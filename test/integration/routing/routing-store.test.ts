import { hash } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';

import { AuditService } from '../../../src/audit/index.js';
import { SystemClock } from '../../../src/platform/clock/index.js';
import { UnitOfWork } from '../../../src/platform/database/index.js';
import { newId } from '../../../src/platform/ids/index.js';
import type { Principal } from '../../../src/platform/security/index.js';
import { ConfigSnapshots } from '../../../src/platform/snapshot/index.js';
import { ModelReferences } from '../../../src/providers/index.js';
import { DEFAULT_POLICY_BODY } from '../../../src/routing/domain/route-policy.js';
import { ROUTING_ENTITIES } from '../../../src/routing/persistence/entities.js';
import {
  RouteDecisionRepository,
  type DecisionRow,
} from '../../../src/routing/persistence/route-decision.repository.js';
import { RoutePolicyRepository } from '../../../src/routing/persistence/route-policy.repository.js';
import { RoutingPoliciesService } from '../../../src/routing/routing-policies.service.js';
import { recordsOf, startDirectoryApp, type DirectoryApp } from '../identity/directory-app.js';

const clock = new SystemClock();
let world: DirectoryApp;
let unitOfWork: UnitOfWork;

beforeAll(async () => {
  world = await startDirectoryApp({ entities: ROUTING_ENTITIES });
  unitOfWork = world.get(UnitOfWork);
});
afterAll(() => world.stop());

function aRow(atMs = clock.nowMs()): DecisionRow {
  const body = Buffer.from('{"v":1}');
  return {
    requestId: newId(),
    orgId: world.cast.orgId,
    atMs,
    snapshot: 'ab'.repeat(32),
    sha256: hash('sha256', body, 'hex'),
    body,
  };
}

describe('route decisions', () => {
  const decisions = new RouteDecisionRepository();

  it('are found by request in their own organisation only', async () => {
    const rows = [aRow(), aRow()];
    await unitOfWork.run((tx) => decisions.insert(tx, rows));
    const [first] = rows;
    const find = (orgId: string): Promise<DecisionRow | undefined> =>
      unitOfWork.read((tx) => decisions.find(tx, orgId, first?.requestId ?? ''));
    expect(await find(world.cast.orgId)).toEqual(first);
    expect(await find(world.cast.otherOrgId)).toBeUndefined();
  });

  it('are never changed: the application may only add and read', async () => {
    await unitOfWork.run((tx) => decisions.insert(tx, [aRow()]));
    const application = world.get(DataSource);
    for (const statement of [
      'UPDATE route_decision SET snapshot = $$x$$',
      'DELETE FROM route_decision',
      'TRUNCATE route_decision',
    ]) {
      await expect(application.query(statement)).rejects.toThrow(/permission denied|refused/);
    }
  });

  it('get the months they need, once', async () => {
    const nextYear = clock.nowMs() + 366 * 86_400_000;
    await expect(unitOfWork.run((tx) => decisions.insert(tx, [aRow(nextYear)]))).rejects.toThrow(/partition/);
    expect(await unitOfWork.run((tx) => decisions.ensureMonths(tx, nextYear, 2))).toBe(2);
    expect(await unitOfWork.run((tx) => decisions.ensureMonths(tx, nextYear, 2))).toBe(0);
    await unitOfWork.run((tx) => decisions.insert(tx, [aRow(nextYear)]));
  });
});

describe('routing policies', () => {
  it('are versions of which one is active, each change on record', async () => {
    const repository = new RoutePolicyRepository();
    const references = new ModelReferences();
    const policies = new RoutingPoliciesService(
      world.get(ConfigSnapshots),
      unitOfWork,
      repository,
      world.get(AuditService),
      clock,
      references,
    );
    const principal = {
      kind: 'user',
      credential: { kind: 'access_token', id: 'token' },
      orgId: world.cast.orgId,
      userId: world.cast.users.ada.id,
      teamId: null,
      roles: ['admin'],
      permissions: new Set(['policy:write']),
    } as unknown as Principal;
    const body = { ...DEFAULT_POLICY_BODY, aliases: { fast: ['gpt-x'] } };
    const [first, second] = [
      await policies.createPolicy(principal, { name: 'std', body }),
      await policies.createPolicy(principal, { name: 'std', body: DEFAULT_POLICY_BODY }),
    ];
    expect([first.version, second.version]).toEqual([1, 2]);
    await policies.activatePolicy(principal, first.id);
    const refused = await unitOfWork.read((tx) => references.lastDeployment(tx, ['gpt-x', 'other']));
    expect(refused.message).toContain('Nobody else serves gpt-x, other. Named by policy std@1 (alias fast).');
    await policies.activatePolicy(principal, second.id);
    const unnamed = await unitOfWork.read((tx) => references.lastDeployment(tx, ['gpt-x']));
    expect(unnamed.message).not.toContain('Named by');
    const active = await unitOfWork.read((tx) => repository.findActive(tx));
    expect(active).toEqual([{ ...second, active: true }]);
    const stranger = { ...principal, orgId: world.cast.otherOrgId };
    await expect(policies.activatePolicy(stranger, first.id)).rejects.toMatchObject({ code: 'not_found' });
    expect(await policies.findPolicies(stranger, { after: undefined, limit: 10 })).toEqual([]);
    expect(await recordsOf(world, 'policy.change')).toHaveLength(4);
  });
});
