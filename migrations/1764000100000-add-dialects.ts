import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Providers may speak Gemini, Bedrock Converse and Cohere. */
export class AddDialects1764000100000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE provider DROP CONSTRAINT provider_dialect_check;
      ALTER TABLE provider ADD CONSTRAINT provider_dialect_check
        CHECK (dialect IN ('openai', 'anthropic', 'gemini', 'bedrock', 'cohere'));
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE provider DROP CONSTRAINT provider_dialect_check;
      ALTER TABLE provider ADD CONSTRAINT provider_dialect_check CHECK (dialect IN ('openai', 'anthropic'));
    `);
  }
}
