export { RedisModule } from './redis.module.js';
export { SharedStore, type Script, type SharedState } from './shared-store.js';
