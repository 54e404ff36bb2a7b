import { Module } from '@nestjs/common';

import { AuditModule } from '../audit/index.js';
import { SecretBox } from '../platform/secrets/index.js';
import { WebhooksController } from './api/webhooks.controller.js';
import { DeliveriesService } from './deliveries.service.js';
import { WebhooksJob } from './jobs/webhooks.job.js';
import { DeliveryRepository } from './persistence/delivery.repository.js';
import { EndpointRepository } from './persistence/endpoint.repository.js';
import { WebhookDispatcher } from './webhook-dispatcher.js';
import { WebhookFanOut } from './webhook-fan-out.js';
import { WebhookKeys } from './webhook-keys.js';
import { WebhookOutcomes } from './webhook-outcomes.js';
import { WebhookSender } from './webhook-sender.js';
import { WebhooksService } from './webhooks.service.js';

/** Notices to other systems. */
@Module({
  imports: [AuditModule],
  controllers: [WebhooksController],
  providers: [
    DeliveryRepository,
    EndpointRepository,
    SecretBox,
    WebhookKeys,
    WebhookSender,
    WebhookOutcomes,
    WebhookFanOut,
    WebhookDispatcher,
    WebhooksService,
    DeliveriesService,
    WebhooksJob,
  ],
  exports: [WebhooksService, DeliveriesService, WebhookFanOut, WebhookDispatcher],
})
export class WebhooksModule {}
