/** Whose requests `ledger.mjs` accounts for. */
export const ORG = '0199f3a2-7c1e-7b3a-8000-0000000000a0';
export const USER = '0199f3a2-7c1e-7b3a-8000-0000000000a1';
export const TEAM = '0199f3a2-7c1e-7b3a-8000-0000000000a2';
export const KEY = '0199f3a2-7c1e-7b3a-8000-0000000000a3';
export const PROVIDER = '0199f3a2-7c1e-7b3a-8000-0000000000b1';

/** The five budgets that every request falls under. */
export const BUDGETS = [
  ['ORGANISATION', ORG, 'COST', '1000000'],
  ['TEAM', TEAM, 'COST', '1000000'],
  ['USER', USER, 'COST', '1000000'],
  ['KEY', KEY, 'TOKENS', '1000000000000'],
  ['PROVIDER', PROVIDER, 'COST', '1000000'],
];
