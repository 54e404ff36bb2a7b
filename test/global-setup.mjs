import './support/typescript-hooks.mjs';

/** Starts one PostgreSQL (or uses AIP_TEST_DATABASE_URL) and migrates the template that every test database is copied from. */
export default async function globalSetup() {
  const { openTestCluster } = await import('./support/database-cluster.ts');
  const cluster = await openTestCluster(process.env.AIP_TEST_DATABASE_URL);
  process.env.TEST_TEMPLATE_DATABASE_URL = cluster.templateUrl;
  globalThis.testCluster = cluster;
}
