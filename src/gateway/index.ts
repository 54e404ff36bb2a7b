export { GatewayModule } from './gateway.module.js';
export { GatewayService } from './gateway.service.js';
export { GenerationsService, type GenerationView } from './generations.service.js';
