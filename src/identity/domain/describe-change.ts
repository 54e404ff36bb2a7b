/** A value as JSON can carry it. */
export type PlainJson =
  string | number | boolean | null | readonly PlainJson[] | { readonly [member: string]: PlainJson };

/** Which members of an object changed, and their values before and after. */
export interface ChangeDescription {
  /** Sorted. */
  readonly fields: readonly string[];
  readonly old: Readonly<Record<string, PlainJson>>;
  readonly new: Readonly<Record<string, PlainJson>>;
}

/** Members that name the object itself: never a change. */
const IDENTITY: ReadonlySet<string> = new Set(['id', 'orgId', 'version']);

/** Compares two states of one object; without `before` every member of `after` is new. `undefined` counts as absent. */
export function describeChange(before: object | undefined, after: object): ChangeDescription {
  const old = plain(before ?? {});
  const current = plain(after);
  const fields = [...new Set([...Object.keys(old), ...Object.keys(current)])]
    .filter((field) => !IDENTITY.has(field) && JSON.stringify(old[field]) !== JSON.stringify(current[field]))
    .sort();
  return { fields, old: pick(old, fields), new: pick(current, fields) };
}

function plain(value: object): Record<string, PlainJson> {
  return JSON.parse(JSON.stringify(value)) as Record<string, PlainJson>;
}

function pick(from: Record<string, PlainJson>, fields: readonly string[]): Record<string, PlainJson> {
  return Object.fromEntries(fields.flatMap((field) => (from[field] === undefined ? [] : [[field, from[field]]])));
}
