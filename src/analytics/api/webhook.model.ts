import { Field, ID, InputType, Int, ObjectType } from '@nestjs/graphql';

import type { DeliveryView, EndpointView } from '../../webhooks/index.js';
import { BigCount, Instant } from './scalars.js';
import { PageInfoModel } from './shared.model.js';

/** A key that signs messages to an endpoint. */
@ObjectType('WebhookKey')
export class WebhookKeyModel {
  @Field(() => ID)
  id!: string;

  @Field(() => String, { description: 'v1 (HMAC-SHA256) or v1a (Ed25519)' })
  scheme!: string;

  @Field(() => String, { nullable: true, description: 'Of a v1 key, shown when it is made and never again' })
  secret!: string | null;

  @Field(() => String, { nullable: true, description: 'Of a v1a key: verifies its signatures' })
  publicKey!: string | null;

  @Field(() => Instant, { nullable: true, description: 'Signs until then; null: it is the present one' })
  retiresAt!: number | null;
}

/** Where notices are sent to. */
@ObjectType('Webhook')
export class WebhookModel {
  @Field(() => ID)
  id!: string;

  @Field(() => String)
  url!: string;

  @Field(() => String)
  description!: string;

  @Field(() => [String], { description: 'Empty: every type' })
  eventTypes!: readonly string[];

  @Field(() => String)
  format!: string;

  @Field(() => String)
  state!: string;

  @Field(() => String, { nullable: true })
  disabledBecause!: string | null;

  @Field(() => Instant, { nullable: true, description: 'Since when nothing arrives' })
  failingSince!: number | null;

  @Field(() => Int)
  version!: number;

  @Field(() => [WebhookKeyModel])
  keys!: readonly WebhookKeyModel[];
}

/** One try of a delivery. */
@ObjectType('WebhookAttempt')
export class WebhookAttemptModel {
  @Field(() => Int)
  n!: number;

  @Field(() => Instant)
  at!: number;

  @Field(() => Int)
  durationMs!: number;

  @Field(() => Int, { nullable: true })
  status!: number | null;

  @Field(() => String, { nullable: true })
  error!: string | null;
}

/** One message to one endpoint. */
@ObjectType('WebhookDelivery')
export class WebhookDeliveryModel {
  @Field(() => ID)
  id!: string;

  @Field(() => String, { description: 'The webhook-id: the same on every attempt and on a replay' })
  messageId!: string;

  @Field(() => String)
  eventType!: string;

  @Field(() => BigCount, { nullable: true })
  seq!: number | null;

  @Field(() => ID, { nullable: true })
  replayOf!: string | null;

  @Field(() => String)
  state!: string;

  @Field(() => Instant, { nullable: true })
  nextAttemptAt!: number | null;

  @Field(() => Instant)
  createdAt!: number;

  @Field(() => Instant, { nullable: true })
  endedAt!: number | null;

  @Field(() => String)
  body!: string;

  @Field(() => [WebhookAttemptModel])
  attempts!: readonly WebhookAttemptModel[];
}

@ObjectType('WebhookEdge')
export class WebhookEdgeModel {
  @Field(() => String)
  cursor!: string;

  @Field(() => WebhookModel)
  node!: WebhookModel;
}

@ObjectType('WebhookConnection')
export class WebhookConnectionModel {
  @Field(() => [WebhookEdgeModel])
  edges!: readonly WebhookEdgeModel[];

  @Field(() => PageInfoModel)
  pageInfo!: PageInfoModel;
}

@ObjectType('WebhookDeliveryEdge')
export class WebhookDeliveryEdgeModel {
  @Field(() => String)
  cursor!: string;

  @Field(() => WebhookDeliveryModel)
  node!: WebhookDeliveryModel;
}

@ObjectType('WebhookDeliveryConnection')
export class WebhookDeliveryConnectionModel {
  @Field(() => [WebhookDeliveryEdgeModel])
  edges!: readonly WebhookDeliveryEdgeModel[];

  @Field(() => PageInfoModel)
  pageInfo!: PageInfoModel;
}

@InputType('WebhookDeliveryFilter')
export class WebhookDeliveryFilterInput {
  @Field(() => ID)
  webhook!: string;

  @Field(() => String, { nullable: true, description: 'pending, delivered or failed' })
  state?: string;
}

@InputType('CreateWebhookInput')
export class CreateWebhookInput {
  @Field(() => String)
  url!: string;

  @Field(() => String, { nullable: true })
  description?: string;

  @Field(() => [String], { nullable: true })
  eventTypes?: string[];

  @Field(() => String, { nullable: true, description: 'standard or cloudevents' })
  format?: string;

  @Field(() => [String], { nullable: true, description: 'v1, v1a or both; v1a when absent' })
  signatures?: string[];
}

@InputType('UpdateWebhookInput')
export class UpdateWebhookInput {
  @Field(() => ID)
  id!: string;

  @Field(() => Int, { description: 'The version the change is based on' })
  version!: number;

  @Field(() => String, { nullable: true })
  url?: string;

  @Field(() => String, { nullable: true })
  description?: string;

  @Field(() => [String], { nullable: true })
  eventTypes?: string[];

  @Field(() => String, { nullable: true })
  format?: string;

  @Field(() => String, { nullable: true, description: 'enabled or disabled' })
  state?: string;
}

@InputType('RotateWebhookInput')
export class RotateWebhookInput {
  @Field(() => ID)
  id!: string;

  @Field(() => Int, { description: 'The version the change is based on' })
  version!: number;

  @Field(() => [String], { nullable: true })
  signatures?: string[];

  @Field(() => Int, { nullable: true, description: 'How long the keys of now sign beside the new ones' })
  overlapSeconds?: number;
}

export function toWebhookModel({ endpoint, keys }: EndpointView): WebhookModel {
  const { id, url, description, eventTypes, format, state, disabledBecause, version } = endpoint;
  return Object.assign(new WebhookModel(), {
    id,
    url,
    description,
    eventTypes,
    format,
    state,
    disabledBecause,
    failingSince: endpoint.failingSinceMs,
    version,
    keys: keys.map(({ retiresAtMs, ...key }) => ({ ...key, retiresAt: retiresAtMs })),
  });
}

export function toWebhookDeliveryModel({ delivery, attempts }: DeliveryView): WebhookDeliveryModel {
  const { id, messageId, eventType, seq, replayOf, state, body } = delivery;
  return Object.assign(new WebhookDeliveryModel(), {
    id,
    messageId,
    eventType,
    seq,
    replayOf,
    state,
    body,
    nextAttemptAt: delivery.nextAtMs,
    createdAt: delivery.createdAtMs,
    endedAt: delivery.endedAtMs,
    attempts: attempts.map(({ atMs, ...attempt }) => ({ ...attempt, at: atMs })),
  });
}
