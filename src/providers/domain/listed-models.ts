const MAX_MODELS = 10_000;

function textOf(value: unknown): readonly string[] {
  return typeof value === 'string' && value !== '' && value.length <= 200 ? [value] : [];
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

/** Names of models in a provider's list of them: `{"data":[{"id"}]}` or `{"models":[{"name"}]}`. Null when the body is no such list,
 *  or only a page of it: then nobody can say what is missing. Attacker-controlled. */
export function listedModels(body: Uint8Array): readonly string[] | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(body).toString());
  } catch {
    return null;
  }
  const isPage = [memberOf(parsed, 'nextPageToken'), memberOf(parsed, 'next_page_token')].some(
    (token) => typeof token === 'string' && token !== '',
  );
  if (isPage || memberOf(parsed, 'has_more') === true) return null;
  const rows = [memberOf(parsed, 'data'), memberOf(parsed, 'models'), parsed].find(Array.isArray) as unknown;
  if (!Array.isArray(rows)) return null;
  const names = (rows as readonly unknown[])
    .slice(0, MAX_MODELS)
    .flatMap((row) => [...textOf(memberOf(row, 'id')), ...textOf(memberOf(row, 'name'))]);
  return names.length === 0 ? null : names.map((name) => name.replace(/^models\//, ''));
}
