import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Dialect } from '../../src/providers/adapters/adapter.js';
import { encodeEvents, type NamedEvent } from '../support/event-stream.js';
import { eventsIn, readExpected } from './recorded-answers.js';
import { DATA, type Recorded } from './recorded-exchanges.js';
import type { Playable } from './replay-gateway.js';
import type { ReplaySource } from './replay-sources.js';

const FIXTURES = fileURLToPath(new URL('fixtures/', DATA));
const JSON_TYPE = { 'content-type': 'application/json' };
const SSE_TYPE = { 'content-type': 'text/event-stream' };
const FRAMES_TYPE = { 'content-type': 'application/vnd.amazon.eventstream' };

/** Folder of `vercel-ai` → vendor and dialect, and which of its files are chat answers of that dialect. */
const PACKAGES: Readonly<Record<string, readonly [vendor: string, dialect: Dialect, files: RegExp]>> = {
  'amazon-bedrock': ['bedrock', 'bedrock', /./],
  anthropic: ['anthropic', 'anthropic', /./],
  cohere: ['cohere', 'cohere', /^cohere-/],
  deepseek: ['deepseek', 'openai', /^chat__/],
  google: ['gemini', 'gemini', /^google-/],
  groq: ['groq', 'openai', /./],
  mistral: ['mistral', 'openai', /./],
  moonshotai: ['moonshotai', 'openai', /./],
  openai: ['openai', 'openai', /^chat__/],
  'openai-compatible': ['xai', 'openai', /./],
  perplexity: ['perplexity', 'openai', /./],
  xai: ['xai', 'openai', /^xai-/],
};

/** Format of `lingua` → vendor and dialect. */
const FORMATS: Readonly<Record<string, readonly [vendor: string, dialect: Dialect]>> = {
  'chat-completions': ['openai', 'openai'],
  baseten: ['baseten', 'openai'],
  anthropic: ['anthropic', 'anthropic'],
  'vertex-anthropic': ['anthropic', 'anthropic'],
  google: ['gemini', 'gemini'],
  'vertex-google': ['gemini', 'gemini'],
  bedrock: ['bedrock', 'bedrock'],
};

const sourceOf = (file: string, vendor: string, dialect: Dialect): ReplaySource => ({
  file,
  vendor,
  dialect,
  operation: 'chat',
  basePath: dialect === 'gemini' ? '/v1beta' : dialect === 'openai' ? '/v1' : '',
});

/** Events as the vendor streams them. */
function streamOf(dialect: Dialect, events: readonly unknown[]): Recorded['response'] {
  if (dialect === 'bedrock') {
    const frames = encodeEvents(...(events as readonly NamedEvent[]));
    return { status: 200, headers: FRAMES_TYPE, base64: frames.toString('base64') };
  }
  const named = dialect === 'anthropic' || dialect === 'cohere';
  const text = events
    .map((event) => {
      const type = (event as { readonly type?: string }).type ?? '';
      return `${named ? `event: ${type}\n` : ''}data: ${JSON.stringify(event)}\n\n`;
    })
    .join('');
  return { status: 200, headers: SSE_TYPE, text: dialect === 'openai' ? `${text}data: [DONE]\n\n` : text };
}

function playable(source: ReplaySource, id: string, events: readonly unknown[]): Playable {
  const [first] = events;
  // One recorder noted whole answers where it had asked for streams.
  const isWhole = events.length === 1 && (first as { readonly type?: string }).type === 'message';
  const response = isWhole ? wholeOf(first) : streamOf(source.dialect, events);
  const recorded = { id, request: { path: '', body: {} }, response, expected: readExpected(source.dialect, events) };
  return { source, recorded };
}

const wholeOf = (json: unknown): Recorded['response'] => ({ status: 200, headers: JSON_TYPE, json });

function wholePlayable(source: ReplaySource, id: string, json: unknown): Playable {
  const expected = readExpected(source.dialect, [json]);
  return { source, recorded: { id, request: { path: '', body: {} }, response: wholeOf(json), expected } };
}

/** The streams of a file: Anthropic's may hold several answers, one after the other. Of some their collector kept no more than the
 *  first and the last event; those say nothing. */
function streamsIn(events: readonly unknown[]): readonly (readonly unknown[])[] {
  const streams: unknown[][] = [[]];
  for (const event of events) {
    const isEnd = (streams.at(-1)?.at(-1) as { readonly type?: string } | undefined)?.type === 'message_stop';
    if (isEnd) streams.push([]);
    streams.at(-1)?.push(event);
  }
  return streams.length === 1 ? streams : streams.filter(({ length }) => length > 2);
}

/** One answer per file, whole (`.json`) or as events (`.chunks.txt` one JSON text per line, `.sse` as it was streamed). */
function vercelAnswers(): readonly Playable[] {
  return Object.entries(PACKAGES).flatMap(([folder, [vendor, dialect, files]]) => {
    const source = sourceOf(`vercel-ai/${folder}`, vendor, dialect);
    const place = path.join(FIXTURES, 'vercel-ai', folder);
    return readdirSync(place)
      .filter((name) => files.test(name))
      .flatMap((name) => {
        const content = readFileSync(path.join(place, name), 'utf8');
        const id = `vercel-${folder}-${name.replace(/[^a-z0-9]+/gi, '-')}`;
        if (name.endsWith('.json')) return [wholePlayable(source, id, JSON.parse(content))];
        const lines = (): readonly unknown[] =>
          content
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line) as unknown);
        const events = name.endsWith('.sse') ? eventsIn(content) : lines();
        return streamsIn(events).map((one, at) => playable(source, at === 0 ? id : `${id}-${String(at)}`, one));
      });
  });
}

/** The answers of every case in every format that we speak, its follow-up turn included. */
function linguaAnswers(): readonly Playable[] {
  const sources = Object.entries(FORMATS).map(([format, [vendor, dialect]]) => ({
    format,
    source: sourceOf(`lingua/${format}`, vendor, dialect),
  }));
  return readLingua().flatMap(({ name, formats }) =>
    sources.flatMap(({ format, source }) =>
      Object.entries(formats[format] ?? {})
        .filter(([member]) => member.includes('response'))
        .map(([member, answer]) => {
          const id = `lingua-${name}-${format}-${member}`;
          return Array.isArray(answer) ? playable(source, id, answer) : wholePlayable(source, id, answer);
        }),
    ),
  );
}

/** One logical request in several formats. */
export interface LinguaCase {
  readonly name: string;
  readonly formats: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** All cases of `fixtures/lingua`. */
export function readLingua(): readonly LinguaCase[] {
  const place = path.join(FIXTURES, 'lingua');
  return readdirSync(place).map((file) => {
    const read = JSON.parse(readFileSync(path.join(place, file), 'utf8')) as { formats: LinguaCase['formats'] };
    return { name: file.replace('.json', ''), formats: read.formats };
  });
}

/** Answers that are recorded apart from their exchanges. */
export function readMore(): readonly Playable[] {
  return [...vercelAnswers(), ...linguaAnswers()];
}

/** A folder in which the player finds the recorded exchanges and these answers; `remove` deletes it. */
export function folderWith(more: readonly Playable[]): { readonly place: string; readonly remove: () => void } {
  const place = mkdtempSync(path.join(tmpdir(), 'aip-replay-'));
  const interactions = path.join(place, 'interactions');
  mkdirSync(interactions);
  const originals = path.join(FIXTURES, 'interactions');
  for (const file of readdirSync(originals)) symlinkSync(path.join(originals, file), path.join(interactions, file));
  const lines = more.map(({ recorded, source }) => {
    return JSON.stringify({ ...recorded, provider: source.vendor, api: 'chat', features: [] });
  });
  writeFileSync(path.join(interactions, 'more.jsonl'), lines.join('\n'));
  return {
    place,
    remove() {
      rmSync(place, { recursive: true, force: true });
    },
  };
}
