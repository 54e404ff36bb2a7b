export type { EventType, OutboxEvent, StoredEvent } from './outbox-event.js';
export { OutboxModule } from './outbox.module.js';
export { OutboxRepository } from './persistence/outbox.repository.js';
