import { rowsOf, type Tx } from '../../platform/database/unit-of-work.js';

const BATCH = 1_000;

/** The rows of one question, a thousand at a time: memory does not grow with their number. One cursor per transaction. */
export async function* cursorRows<Row>(tx: Tx, question: string, values: readonly unknown[]): AsyncGenerator<Row> {
  await rowsOf(tx, { text: `DECLARE export_rows NO SCROLL CURSOR FOR ${question}` }, values);
  for (;;) {
    const batch = await rowsOf<Row>(tx, { text: `FETCH ${String(BATCH)} FROM export_rows` });
    yield* batch;
    if (batch.length < BATCH) break;
  }
  await rowsOf(tx, { text: 'CLOSE export_rows' });
}
