export { ReplicaModule } from './replica.module.js';
export { ReplicaService, SecondReplicaError } from './replica.service.js';
