import type { Role } from '../../platform/security/index.js';

/** Name of the demo's organisation. */
export const DEMO_ORGANISATION = 'Demo Agency';

/** Teams of the demo. */
export const DEMO_TEAMS = ['Financial crime', 'Cyber', 'Oversight'] as const;

/** A made-up person. Addresses end in `.example`: they belong to nobody. */
export interface DemoPerson {
  readonly email: string;
  readonly name: string;
  readonly team: (typeof DEMO_TEAMS)[number];
  readonly role: Role;
}

/** Eight people over the roles. */
export const DEMO_PEOPLE: readonly DemoPerson[] = [
  { email: 'ada@demo.example', name: 'Ada Analyst', team: 'Financial crime', role: 'analyst' },
  { email: 'ben@demo.example', name: 'Ben Analyst', team: 'Financial crime', role: 'analyst' },
  { email: 'cleo@demo.example', name: 'Cleo Lead', team: 'Financial crime', role: 'lead' },
  { email: 'dina@demo.example', name: 'Dina Analyst', team: 'Cyber', role: 'analyst' },
  { email: 'emil@demo.example', name: 'Emil Lead', team: 'Cyber', role: 'lead' },
  { email: 'olga@demo.example', name: 'Olga Operator', team: 'Oversight', role: 'operator' },
  { email: 'rita@demo.example', name: 'Rita Administrator', team: 'Oversight', role: 'admin' },
  { email: 'carl@demo.example', name: 'Carl Compliance', team: 'Oversight', role: 'compliance' },
];

/** Four investigations. */
export const DEMO_CASES = [
  { ref: 'OP-ALDER', title: 'Invoice fraud ring', team: 'Financial crime' },
  { ref: 'OP-BIRCH', title: 'Account takeovers', team: 'Cyber' },
  { ref: 'OP-CEDAR', title: 'Shell company network', team: 'Financial crime' },
  { ref: 'OP-ELDER', title: 'Ransomware negotiation', team: 'Cyber' },
] as const;

/** Why a call may be made. */
export const DEMO_PURPOSES = [
  { code: 'analysis', label: 'Analysis of seized material' },
  { code: 'translation', label: 'Translation of evidence' },
  { code: 'reporting', label: 'Drafting of reports' },
] as const;
