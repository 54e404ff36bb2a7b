import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { ADAPTERS } from '../../src/providers/adapters/all-adapters.js';
import { decodeEvents } from '../support/event-stream.js';
import type { HttpAnswer } from '../support/gateway-app.js';
import { eventsIn, readExpected } from './recorded-answers.js';
import { findingsBetween } from './recorded-comparison.js';
import { bodyOf, hasData, readRecorded, type Recorded } from './recorded-exchanges.js';
import { forEach, ReplayGateway, type Playable } from './replay-gateway.js';
import { REPLAY_SOURCES } from './replay-sources.js';
import { TornUpstream, tearName, type Tear } from './torn-upstream.js';

/** Short streams of each dialect: texts, calls of tools, reasoning, usage in odd places. */
const STREAMS: readonly (readonly [file: string, id: string])[] = [
  ['openai-chat', 'openai-chat-cf4701eb63a8'],
  ['openai-chat', 'openai-chat-80357f23cee1'],
  ['azure-chat', 'azure-chat-1a3f42f0f290'],
  ['groq-chat', 'groq-chat-2853417a379a'],
  ['anthropic-messages', 'anthropic-messages-b76b13613cf3'],
  ['anthropic-messages', 'anthropic-messages-6f723972a109'],
  ['cohere-chat', 'cohere-chat-d1c82cab22b0'],
  ['gemini-generateContent', 'gemini-generateContent-52b2a6504ea8'],
  ['bedrock-converse', 'bedrock-converse-fc6de890071e'],
];
const STEP = 64;
const AT_ONCE = 48;
/** Short, so that a stall is noticed soon; progress of a whole stream never takes so long. */
const TIMERS = { ttftMs: 2_000, idleMs: 2_000 };

const requireData = process.env['AIP_TEST_REQUIRE_DATA'] === '1'; // eslint-disable-line no-restricted-syntax -- a switch of the test run
const suite = hasData || requireData ? describe : describe.skip;
if (!hasData && !requireData) process.stderr.write('torn-streams: left out, ../shared/data is not there\n');

interface Torn {
  readonly tear: Tear;
  readonly playable: Playable;
}

/** Every 64th byte of a stream, cut and stalled there. */
function tearsOf({ source, recorded }: Playable): readonly Torn[] {
  const positions = Array.from({ length: Math.ceil(bodyOf(recorded).length / STEP) }, (_, at) => at * STEP);
  const tears = positions.flatMap((afterBytes): Tear[] => [
    { recorded, mode: 'cut', afterBytes },
    { recorded, mode: 'stall', afterBytes },
  ]);
  return tears.map((tear) => ({ tear, playable: { source, recorded: { ...recorded, id: tearName(tear) } } }));
}

function wantedOf(dialect: Playable['source']['dialect'], recorded: Recorded): Recorded['expected'] {
  const isBinary = recorded.response.base64 !== undefined;
  return readExpected(dialect, isBinary ? decodeEvents(bodyOf(recorded)) : eventsIn(bodyOf(recorded).toString()));
}

/** What became of a stream: it failed openly, it is whole, or it ended as if it were. */
function fateOf({ tear, playable }: Torn, answer: HttpAnswer): 'refused' | 'error event' | 'whole' | 'silent' {
  if (answer.status !== 200) return 'refused';
  if (/^(event: error|data: \{"error":)/m.test(answer.text)) return 'error event';
  if (!answer.text.trimEnd().endsWith('data: [DONE]')) return 'silent';
  const found = readExpected('openai', eventsIn(answer.text));
  const { usage: _usage, ...said } = wantedOf(playable.source.dialect, tear.recorded);
  return findingsBetween(found, { ...said, usage: null }).length === 0 ? 'whole' : 'silent';
}

suite('a torn stream never ends clean', () => {
  let upstream: TornUpstream | undefined;
  let rig: ReplayGateway | undefined;
  let torn: Torn[] = [];
  const fates = new Map<string, string>();
  beforeAll(async () => {
    const built = new Set(ADAPTERS.map(({ to }) => to));
    torn = STREAMS.flatMap(([file, id]) => {
      const source = REPLAY_SOURCES.find((one) => one.file === file);
      const recorded = readRecorded(file).find((one) => one.id === id);
      if (source === undefined || recorded === undefined) throw new Error(`${id} is not recorded`);
      return built.has(source.dialect) ? tearsOf({ source, recorded }) : [];
    });
    upstream = await new TornUpstream(torn.map(({ tear }) => tear)).start();
    const playables = torn.map(({ playable }) => playable);
    rig = await ReplayGateway.start(playables, upstream.url, { timers: TIMERS, copies: 2 });
    const { ask } = rig;
    await forEach(torn, AT_ONCE, async (one) => {
      fates.set(one.playable.recorded.id, fateOf(one, await ask(one.playable, true)));
    });
  }, 600_000);
  afterAll(async () => {
    await rig?.stop();
    await upstream?.stop();
  }, 60_000);

  const countOf = (mode: string, fate: string): number =>
    torn.filter(({ tear, playable }) => tear.mode === mode && fates.get(playable.recorded.id) === fate).length;

  it.each(['cut', 'stall'])('%s at every 64th byte: no silent end', (mode) => {
    const silent = [...fates].filter(([id, fate]) => fate === 'silent' && id.includes(`-${mode}-`));
    const told = ['whole', 'error event', 'refused'].map((fate) => `${String(countOf(mode, fate))} ${fate}`).join(', ');
    process.stdout.write(`torn streams, ${mode}: ${told}, ${String(silent.length)} silent\n`);
    expect(silent).toEqual([]);
  });

  it('before the first delta another partner answers, after it the caller is told', () => {
    for (const mode of ['cut', 'stall']) {
      expect(countOf(mode, 'whole')).toBeGreaterThan(20);
      expect(countOf(mode, 'error event')).toBeGreaterThan(20);
      expect(countOf(mode, 'refused')).toBe(0);
    }
    const first = torn
      .filter(({ tear }) => tear.afterBytes === 0)
      .map(({ playable }) => fates.get(playable.recorded.id));
    expect(new Set(first)).toEqual(new Set(['whole']));
  });
});
