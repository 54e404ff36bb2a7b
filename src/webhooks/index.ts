export { DeliveriesService, type DeliveryView } from './deliveries.service.js';
export { WebhookDispatcher } from './webhook-dispatcher.js';
export { WebhookFanOut } from './webhook-fan-out.js';
export { newWebhookInput, rotateWebhookInput, webhookPatchInput } from './webhook-input.js';
export { WebhooksModule } from './webhooks.module.js';
export { WebhooksService, type EndpointView } from './webhooks.service.js';
