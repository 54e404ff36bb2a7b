import { TestEnvironment } from 'jest-environment-node';

/** The Node environment that also tells a test file whether one of its tests has failed (`globalThis.hasFailedTest`). */
export default class extends TestEnvironment {
  async handleTestEvent(event) {
    if (event.name === 'test_fn_failure' || event.name === 'hook_failure') this.global.hasFailedTest = true;
  }
}
