import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { formatInstant } from '../../platform/clock/index.js';
import { RequirePermission } from '../../platform/security/index.js';
import { RoutingService } from '../../routing/index.js';
import { toCapacityModel, type CapacityModel } from './capacity.model.js';

const instant = (atMs: number | null): string | null => (atMs === null ? null : formatInstant(atMs));

/** JSON of a deployment's capacity: the members of GraphQL, instants in RFC 3339. */
function toJson({ limits, lanes, ...capacity }: CapacityModel): object {
  return {
    ...capacity,
    limits: limits.map(({ resetsAt, ...limit }) => ({ ...limit, resetsAt: instant(resetsAt) })),
    lanes: lanes.map(({ breakerUntil, ...lane }) => ({ ...lane, breakerUntil: instant(breakerUntil) })),
  };
}

@ApiTags('capacity')
@Controller('api/capacity')
export class CapacityController {
  constructor(private readonly routing: RoutingService) {}

  /** What every deployment can still take, as this replica sees it. */
  @Get()
  @RequirePermission('quota:read', 'system:read')
  list(): { data: readonly object[] } {
    const nameOf = this.routing.credentialNames();
    return { data: this.routing.capacity().map((one) => toJson(toCapacityModel(one, nameOf))) };
  }
}
