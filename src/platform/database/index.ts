export { DatabaseModule } from './database.module.js';
export { connect, dataSourceOptions, type DatabaseRole } from './data-source.js';
export { isDatabaseAway, isTransientConflict, isUniqueViolation } from './database-error.js';
export { GroupCommit, type Flush, type GroupCommitOptions } from './group-commit.js';
export { GroupCommits } from './group-commits.js';
export { migrationStatus, runMigrations, SchemaTooNewError, type MigrationStatus } from './migrate.js';
export { UnitOfWork, type CommitHook, type Tx } from './unit-of-work.js';
