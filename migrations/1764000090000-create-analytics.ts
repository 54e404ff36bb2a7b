import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Views that reporting reads: the tables of other modules stay their own. */
export class CreateAnalytics1764000090000 implements MigrationInterface {
  readonly name = 'CreateAnalytics1764000090000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SET LOCAL ROLE aip_owner`);
    await runner.query(`
      CREATE VIEW usage_fact AS
        SELECT u.id, u.org_id, u.at, u.request_id, u.attempt, u.provider, u.deployment_id, u.model, u.team_id, u.user_id, u.key_id,
               u.investigation_id, u.operation_id, u.task, u.criticality, u.outcome, u.input, u.cached_input, u.cache_write, u.output,
               u.reasoning, u.currency, u.cost, u.simulated, u.unconfirmed
          FROM usage_record u`);
    await runner.query(`
      CREATE VIEW report_label AS
        SELECT 'TEAM' AS dimension, id::text AS id, name AS label FROM team
        UNION ALL SELECT 'USER', id::text, display_name FROM app_user
        UNION ALL SELECT 'ORGANISATION', id::text, name FROM org
        UNION ALL SELECT 'INVESTIGATION', id::text, external_ref FROM investigation
        UNION ALL SELECT 'OPERATION', id::text, external_ref FROM operation
        UNION ALL SELECT 'KEY', id::text, name FROM virtual_key`);
    await runner.query(`
      CREATE VIEW request_fact AS
        SELECT request_id, org_id, at, user_id, team_id, investigation_id, operation, requested_model, status, http, receipts, body
          FROM generation`);
    await runner.query(`GRANT SELECT ON request_fact TO aip_app, aip_auditor`);
    await runner.query(`GRANT SELECT ON usage_fact, report_label TO aip_app, aip_auditor`);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations only go forward'));
  }
}
