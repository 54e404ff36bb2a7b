export {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  runningEmbeddedPostgres,
  startEmbeddedPostgres,
  stopLeftOverPostgres,
} from './embedded-postgres.js';
export { StartError } from './start-error.js';
