/** Stops what the set-up started; with AIP_TEST_KEEP=1 it stays until the next run. */
export default async function globalTeardown() {
  if (process.env.AIP_TEST_KEEP !== '1') await globalThis.testCluster?.close();
}
