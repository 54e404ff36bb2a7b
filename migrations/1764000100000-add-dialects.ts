import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Providers may speak Gemini, Bedrock Converse and Cohere. */
export class AddDialects1764000100000 implements MigrationInterface {
  readonly name = 'AddDialects1764000100000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SET LOCAL ROLE aip_owner`);
    await runner.query(`
      ALTER TABLE provider DROP CONSTRAINT provider_dialect_check,
        ADD CONSTRAINT provider_dialect_check CHECK (dialect IN ('openai', 'anthropic', 'gemini', 'bedrock', 'cohere'))`);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations only go forward'));
  }
}
