import pg from 'pg';

/** Rows of one SQL question, read on a connection of its own past the application's rights. */
export async function rows<T>(databaseUrl: string, sql: string, values: readonly unknown[] = []): Promise<T[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return (await client.query(sql, [...values])).rows as T[];
  } finally {
    await client.end();
  }
}

/** The one row of a question. */
export async function row<T>(databaseUrl: string, sql: string, values: readonly unknown[] = []): Promise<T> {
  const [first] = await rows<T>(databaseUrl, sql, values);
  if (first === undefined) throw new Error(`No row: ${sql}`);
  return first;
}
