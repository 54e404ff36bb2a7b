export { Clock, SystemClock } from './clock.js';
export { formatInstant, formatMicros } from './instants.js';
