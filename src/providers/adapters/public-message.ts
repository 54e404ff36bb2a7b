const MAX_LENGTH = 500;

/** What may identify us or open a door: addresses, keys, account and request ids. Order matters. */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s"'<>)\]]+/gi, '[address]'],
  [/\bdata:[^\s"'<>)]+/gi, '[data]'],
  [/\b[\w.+-]{1,64}@[\w-]{1,63}(\.[\w-]{1,63})+\b/g, '[mail]'],
  [/\b(bearer|basic)\s+\S+/gi, '[secret]'],
  [/\b(sk|pk|rk|gsk|xai|key|hf|ak)[-_][\w*.-]{4,}/gi, '[secret]'],
  [/\b(org|proj|user|acct|req|request|msg|gen|wrkspc|team)[-_][A-Za-z0-9][\w-]{5,}/g, '[id]'],
  [/\barn:aws[\w-]{0,20}:[^\s"'<>)\]]+/gi, '[id]'],
  [/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi, '[id]'],
  [/\b\d{1,3}(\.\d{1,3}){3}\b/g, '[address]'],
  [/\b(?=[A-Za-z_-]*\d)(?=[\d_-]*[A-Za-z])[A-Za-z0-9_+/=-]{24,}/g, '[secret]'],
];

/** A provider's text without secrets, URLs and ids, on one line, at most 500 characters. Attacker-controlled. */
export function scrubMessage(text: string): string {
  let clean = text
    .slice(0, 4 * MAX_LENGTH)
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim();
  for (const [pattern, substitute] of SECRETS) clean = clean.replace(pattern, substitute);
  return clean.length <= MAX_LENGTH ? clean : `${clean.slice(0, MAX_LENGTH - 1)}…`;
}
