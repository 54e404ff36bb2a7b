import { readDisclosureLine, type BundleManifest } from '../domain/bundle.js';
import { decodeUtf8 } from '../domain/canonical.js';
import { digestOf, openDisclosure } from '../domain/commitment.js';
import type { ReadCore } from '../domain/core-check.js';
import type { Findings } from '../domain/finding.js';
import {
  RECORD_CSV_HEADER,
  recordCsvLine,
  recordJsonLine,
  recordRow,
  type OpenedDisclosure,
} from '../domain/record-row.js';
import type { BundleSource } from './bundle-source.js';
import { ByteCompare, LineReader } from './line-reader.js';

const MAX_LINE = 4 * 1024 * 1024;

/** Holds the disclosures against the commitments, and makes the tables for people again. Feed the cores in order. */
export class ContentCheck {
  readonly #lines: LineReader;
  readonly #csv: ByteCompare;
  readonly #jsonl: ByteCompare;
  #next: { readonly id: string; readonly texts: readonly string[] } | undefined;
  #isStarted = false;
  /** Rows of the tables, and records that were disclosed. */
  rows = 0;
  disclosed = 0;

  constructor(
    private readonly manifest: BundleManifest,
    source: BundleSource,
    prefix: string,
    private readonly findings: Findings,
  ) {
    const read = (name: string): AsyncIterable<Buffer> =>
      source.files.has(prefix + name) ? source.read(prefix + name) : nothing();
    this.#lines = new LineReader(read('disclosures.jsonl'), 'disclosures.jsonl', MAX_LINE);
    this.#csv = new ByteCompare(read('records.csv'));
    this.#jsonl = new ByteCompare(read('records.jsonl'));
  }

  /** Takes a core into account. */
  async add(index: number, core: ReadCore): Promise<void> {
    await this.#start();
    const opened: OpenedDisclosure[] = [];
    while (this.#next?.id === core.id) {
      opened.push(...this.#open(core, this.#next.texts));
      this.disclosed += 1;
      await this.#advance();
    }
    if (!isInTables(this.manifest, core)) return;
    this.rows += 1;
    const row = recordRow(index, core, opened);
    await this.#csv.expect(recordCsvLine(row));
    await this.#jsonl.expect(recordJsonLine(row, opened));
  }

  /** Ends the check: what was not used belongs to no record. */
  async end(): Promise<void> {
    await this.#start();
    if (this.#next !== undefined)
      this.findings.add('E_DISCLOSURE', `disclosures.jsonl:${String(this.#lines.count)}: of no record here`);
    if (!(await this.#csv.end())) this.findings.add('E_CSV', 'records.csv');
    if (!(await this.#jsonl.end())) this.findings.add('E_CSV', 'records.jsonl');
  }

  async #start(): Promise<void> {
    if (this.#isStarted) return;
    this.#isStarted = true;
    await this.#csv.expect(RECORD_CSV_HEADER);
    await this.#advance();
  }

  async #advance(): Promise<void> {
    const line = await this.#lines.take();
    const text = line === undefined ? undefined : decodeUtf8(line);
    this.#next = text === undefined ? undefined : readDisclosureLine(text);
    if (line !== undefined && this.#next === undefined) {
      this.findings.add('E_DISCLOSURE', `disclosures.jsonl:${String(this.#lines.count)}: malformed`);
      await this.#advance();
    }
  }

  #open(core: ReadCore, texts: readonly string[]): OpenedDisclosure[] {
    const committed = new Set(core.sd);
    return texts.flatMap((text) => {
      const opened = committed.delete(digestOf(text)) ? openDisclosure(text) : undefined;
      if (opened === undefined) this.findings.add('E_DISCLOSURE', `record ${core.id}`);
      return opened === undefined ? [] : [opened];
    });
  }
}

/** Records that the tables for people show: those of the case, or all when no case was asked for. */
export function isInTables({ caseTag }: Pick<BundleManifest, 'caseTag'>, core: ReadCore): boolean {
  return caseTag === null || core.caseTag === caseTag;
}

async function* nothing(): AsyncGenerator<Buffer, void> {
  // A file that is not there is empty; that it is missing was found before.
}
