export { isUuid, jitter, newId, randomBytes16, seededRandom } from './ids.js';
