export type { Inject } from './demo-api.js';
export { DemoModule } from './demo.module.js';
export { DemoService } from './demo.service.js';
