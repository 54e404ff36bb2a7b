import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';

import { decodeCursor, toPage, versionOf, type Keyset, type Page } from '../../platform/http/index.js';
import { CurrentPrincipal, RequirePermission, type Principal } from '../../platform/security/index.js';
import { DeliveriesService } from '../deliveries.service.js';
import { WebhooksService } from '../webhooks.service.js';
import {
  deliveryPath,
  deliveryQuery,
  newWebhookInput,
  rotateWebhookInput,
  webhookListQuery,
  webhookPatchInput,
  webhookPath,
} from '../webhook-input.js';
import { toDeliveryJson, toWebhookJson, type WebhookDeliveryJson, type WebhookJson } from './webhook.model.js';

type WebhookPath = z.output<typeof webhookPath>;
type DeliveryPath = z.output<typeof deliveryPath>;

const byCreation = ({ createdAtMs, id }: { readonly createdAtMs: number; readonly id: string }): Keyset => ({
  key: String(createdAtMs),
  id,
});

@ApiTags('webhooks')
@ApiBearerAuth()
@Controller('api/webhooks')
export class WebhooksController {
  constructor(
    private readonly webhooks: WebhooksService,
    private readonly deliveries: DeliveriesService,
  ) {}

  @Get()
  @RequirePermission('webhook:write', 'system:read')
  @ApiOperation({ summary: 'Where notices are sent to' })
  async list(
    @CurrentPrincipal() principal: Principal,
    @Query({ schema: webhookListQuery }) { limit, cursor }: z.output<typeof webhookListQuery>,
  ): Promise<Page<WebhookJson>> {
    const rows = await this.webhooks.list(principal, { after: decodeCursor(cursor), limit });
    return toPage(rows, { limit, keyset: ({ endpoint }) => byCreation(endpoint), map: toWebhookJson });
  }

  @Post()
  @RequirePermission('webhook:write')
  @ApiOperation({ summary: 'Add an endpoint; a v1 secret is shown this once' })
  async create(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: newWebhookInput }) input: z.output<typeof newWebhookInput>,
  ): Promise<WebhookJson> {
    return toWebhookJson(await this.webhooks.create(principal, input));
  }

  @Get(':id')
  @RequirePermission('webhook:write', 'system:read')
  @ApiOperation({ summary: 'One endpoint' })
  async find(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: webhookPath }) { id }: WebhookPath,
  ): Promise<WebhookJson> {
    return toWebhookJson(await this.webhooks.find(principal, id));
  }

  @Patch(':id')
  @RequirePermission('webhook:write')
  @ApiOperation({ summary: 'Change an endpoint, switch it off or on again' })
  async patch(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: webhookPath }) { id }: WebhookPath,
    @Headers('if-match') ifMatch: string | undefined,
    @Body({ schema: webhookPatchInput }) patch: z.output<typeof webhookPatchInput>,
  ): Promise<WebhookJson> {
    return toWebhookJson(await this.webhooks.update(principal, { id, version: versionOf(ifMatch) }, patch));
  }

  @Delete(':id')
  @HttpCode(204)
  @RequirePermission('webhook:write')
  @ApiOperation({ summary: 'Remove an endpoint with its delivery log' })
  async remove(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: webhookPath }) { id }: WebhookPath,
    @Headers('if-match') ifMatch: string | undefined,
  ): Promise<void> {
    await this.webhooks.remove(principal, { id, version: versionOf(ifMatch) });
  }

  @Post(':id/rotate')
  @HttpCode(200)
  @RequirePermission('webhook:write')
  @ApiOperation({ summary: 'New signing keys; those of now sign beside them for a while' })
  async rotate(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: webhookPath }) { id }: WebhookPath,
    @Headers('if-match') ifMatch: string | undefined,
    @Body({ schema: rotateWebhookInput }) wish: z.output<typeof rotateWebhookInput>,
  ): Promise<WebhookJson> {
    return toWebhookJson(await this.webhooks.rotate(principal, { id, version: versionOf(ifMatch) }, wish));
  }

  @Post(':id/test')
  @HttpCode(202)
  @RequirePermission('webhook:write')
  @ApiOperation({ summary: 'Send a webhook.test to this endpoint' })
  async test(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: webhookPath }) { id }: WebhookPath,
  ): Promise<WebhookDeliveryJson> {
    return toDeliveryJson(await this.deliveries.test(principal, id));
  }

  @Get(':id/deliveries')
  @RequirePermission('webhook:write')
  @ApiOperation({ summary: 'What was sent to an endpoint and what became of it, newest first; kept 30 days' })
  async listDeliveries(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: webhookPath }) { id }: WebhookPath,
    @Query({ schema: deliveryQuery }) { limit, cursor, ...wish }: z.output<typeof deliveryQuery>,
  ): Promise<Page<WebhookDeliveryJson>> {
    const filter = { endpointId: id, ...wish };
    const rows = await this.deliveries.list(principal, filter, { after: decodeCursor(cursor, filter), limit });
    return toPage(rows, { limit, filter, keyset: ({ delivery }) => byCreation(delivery), map: toDeliveryJson });
  }

  @Get(':id/deliveries/:deliveryId')
  @RequirePermission('webhook:write')
  @ApiOperation({ summary: 'One delivery with its attempts' })
  async findDelivery(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: deliveryPath }) { id, deliveryId }: DeliveryPath,
  ): Promise<WebhookDeliveryJson> {
    return toDeliveryJson(await this.deliveries.find(principal, id, deliveryId));
  }

  @Post(':id/deliveries/:deliveryId/replay')
  @HttpCode(202)
  @RequirePermission('webhook:write')
  @ApiOperation({ summary: 'Send a message again, with the same webhook-id' })
  async replay(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: deliveryPath }) { id, deliveryId }: DeliveryPath,
  ): Promise<WebhookDeliveryJson> {
    return toDeliveryJson(await this.deliveries.replay(principal, id, deliveryId));
  }
}
