import { Query, Resolver, Subscription } from '@nestjs/graphql';

import { Clock } from '../../platform/clock/index.js';
import { RequirePermission } from '../../platform/security/index.js';
import { RoutingService } from '../../routing/index.js';
import { CapacityFeed, type CapacityPicture } from '../capacity-feed.js';
import { CapacityModel, DashboardModel, leftRatio, toCapacityModel } from './capacity.model.js';

function toDashboard({ seq, asOfMs, requestsPerSecond, capacity }: CapacityPicture): DashboardModel {
  const left = capacity.map(leftRatio);
  return {
    seq,
    asOf: asOfMs,
    requestsPerSecond,
    capacityLeftRatio: left.length === 0 ? 0 : left.reduce((total, one) => total + one, 0) / left.length,
    capacity: capacity.map((one) => toCapacityModel(one, asOfMs)),
  };
}

@Resolver()
export class CapacityResolver {
  constructor(
    private readonly routing: RoutingService,
    private readonly feed: CapacityFeed,
    private readonly clock: Clock,
  ) {}

  @RequirePermission('quota:read', 'system:read')
  @Query(() => [CapacityModel], { description: 'What every deployment can still take, as this replica sees it' })
  capacity(): CapacityModel[] {
    const nowMs = this.clock.nowMs();
    return this.routing.capacity().map((one) => toCapacityModel(one, nowMs));
  }

  @RequirePermission('quota:read', 'system:read')
  @Subscription(() => DashboardModel, {
    description: 'All partners, once a second; the first picture at once',
    resolve: (payload: { dashboard: CapacityPicture }) => toDashboard(payload.dashboard),
  })
  dashboard(): AsyncGenerator<{ dashboard: CapacityPicture }, void, undefined> {
    return this.feed.watch();
  }
}
