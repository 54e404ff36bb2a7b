export { EVENT_TYPES, type EventType, type OutboxEvent, type StoredEvent } from './outbox-event.js';
export { OutboxModule } from './outbox.module.js';
export { OutboxRepository } from './persistence/outbox.repository.js';
