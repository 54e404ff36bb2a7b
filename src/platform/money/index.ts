export {
  ZERO,
  formatAmount,
  larger,
  parseAmount,
  perMillion,
  picoUsd,
  sum,
  toWireMoney,
  type Money,
  type PicoUsd,
  type WireMoney,
} from './money.js';
