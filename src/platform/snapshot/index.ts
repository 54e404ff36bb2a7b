export { ConfigSnapshot, type SnapshotPart } from './config-snapshot.js';
export { ConfigSnapshots } from './config-snapshots.js';
export { SnapshotModule } from './snapshot.module.js';
