export { ClockModule } from './clock.module.js';
export { Clock, SystemClock } from './clock.js';
export { formatInstant, formatMicros } from './instants.js';
