import { Query, Resolver, Subscription } from '@nestjs/graphql';

import { CRITICALITIES, RequirePermission } from '../../platform/security/index.js';
import { RoutingService } from '../../routing/index.js';
import { CapacityFeed, type CapacityPicture } from '../capacity-feed.js';
import { CapacityModel, DashboardModel, leftRatio, toCapacityModel } from './capacity.model.js';

function toDashboard(picture: CapacityPicture): DashboardModel {
  const { seq, asOfMs, requestsPerSecond, capacity, credentialNames, depths, shedding, degraded } = picture;
  const left = capacity.map(leftRatio);
  const queueDepth = CRITICALITIES.map((criticality) => ({ criticality, waiting: depths[criticality] }));
  return {
    seq,
    asOf: asOfMs,
    requestsPerSecond,
    capacityLeftRatio: left.length === 0 ? 0 : left.reduce((total, one) => total + one, 0) / left.length,
    surge: shedding.length > 0 || queueDepth.some(({ waiting }) => waiting > 0),
    queueDepth,
    shedding,
    degraded,
    capacity: capacity.map((one) => toCapacityModel(one, credentialNames)),
  };
}

@Resolver()
export class CapacityResolver {
  constructor(
    private readonly routing: RoutingService,
    private readonly feed: CapacityFeed,
  ) {}

  @RequirePermission('quota:read', 'system:read')
  @Query(() => [CapacityModel], { description: 'What every deployment can still take, as this replica sees it' })
  capacity(): CapacityModel[] {
    const nameOf = this.routing.credentialNames();
    return this.routing.capacity().map((one) => toCapacityModel(one, nameOf));
  }

  @RequirePermission('quota:read', 'system:read')
  @Subscription(() => [CapacityModel], {
    name: 'capacity',
    description: 'What every deployment can still take, once a second; the first picture at once',
    resolve: ({ dashboard }: { dashboard: CapacityPicture }) =>
      dashboard.capacity.map((one) => toCapacityModel(one, dashboard.credentialNames)),
  })
  watchCapacity(): AsyncGenerator<{ dashboard: CapacityPicture }, void, undefined> {
    return this.feed.watch();
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
