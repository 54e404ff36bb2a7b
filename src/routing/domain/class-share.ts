import type { Criticality } from '../../platform/security/index.js';

/** How much of what a deployment bears a class may fill; what is above is kept for the classes before it. Source: money page §13. */
export const CLASS_SHARES: Readonly<Record<Criticality, number>> = {
  'critical-plus': 1,
  critical: 0.9,
  'sheddable-plus': 0.75,
  sheddable: 0.6,
};

/** True for classes that make room before it is gone: their share counts against the use by the end of the window. */
export function looksAhead(criticality: Criticality): boolean {
  return criticality === 'sheddable' || criticality === 'sheddable-plus';
}

/** True for classes that may use the last tenth of a partner's limit. */
export function isUrgent(criticality: Criticality): boolean {
  return !looksAhead(criticality);
}
