import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { ADAPTERS } from '../../src/providers/adapters/all-adapters.js';
import type { FailureClass } from '../../src/providers/adapters/failure.js';
import { aDeploymentView } from '../support/adapter-calls.js';
import type { HttpAnswer } from '../support/gateway-app.js';
import { decodeEvents } from '../support/event-stream.js';
import { eventsIn, readExpected, vectorsIn } from './recorded-answers.js';
import { findingsBetween } from './recorded-comparison.js';
import { bodyOf, hasData, loadCheck, readRecorded, type Check, type Recorded } from './recorded-exchanges.js';
import { forEach, ReplayGateway, type Playable } from './replay-gateway.js';
import { folderWith, readMore } from './replay-more.js';
import { REPLAY_SOURCES } from './replay-sources.js';
import { ReplayUpstream } from './replay-upstream.js';

const AT_ONCE = 8;
/** A busy machine needs long for single bytes; timers have tests of their own. */
const PATIENT = { ttftMs: 300_000, idleMs: 300_000, totalMs: 600_000 };
/** Larger bodies take too long byte by byte and show nothing new. */
const MOST_BYTES = 300_000;

/** Recordings whose summary leaves something out: what they should give is read from their own bytes instead. */
const SUMMARISED_OTHERWISE: Readonly<Record<string, string>> = {
  'mistral-chat-40a80b911f49': 'content came as parts, which the summary leaves out',
};
/** Recordings that differ on purpose. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  'openrouter-chat-87668d3512bc': 'cached and written tokens exceed the prompt, so the written ones are cut to it',
};
/** Class of a recorded error where its status alone does not say it. */
const ERROR_CLASSES: Readonly<Record<string, FailureClass>> = {
  'openai-chat-19be7d1cdf12': 'unsupported',
  'openai-chat-297b1d113f11': 'unsupported',
  'openai-chat-dcae2fdcc381': 'unsupported',
  'openai-chat-e3945e89751b': 'unsupported',
  'bedrock-converse-0d01ffe6131c': 'unsupported',
  'bedrock-converse-3275814f0b4d': 'unsupported',
  'bedrock-converse-fc6ded28ae9b': 'unsupported',
};
const CLASS_OF_STATUS: Readonly<Record<number, FailureClass>> = {
  400: 'caller',
  401: 'credential',
  404: 'not_found',
  429: 'rate_limited',
};
/** What a caller is told when its only candidate fails like this. */
const ANSWERS: Readonly<Partial<Record<FailureClass, readonly [status: number, code: string]>>> = {
  caller: [400, 'upstream_rejected'],
  unsupported: [400, 'unsupported_parameter'],
  credential: [502, 'all_providers_failed'],
  not_found: [502, 'all_providers_failed'],
  rate_limited: [503, 'no_capacity'],
};

/** Recordings of another API of the same vendor than the one we call: version 1 of Cohere, Ollama's own. */
const isOtherApi = ({ source, recorded }: Playable): boolean =>
  (source.vendor === 'cohere' && recorded.request.path.startsWith('/v1/')) ||
  (source.vendor === 'ollama' && recorded.request.path.startsWith('/api/'));

/** Streams of Cohere and Bedrock are not summed up by the recordings, and what Cohere charges are the billed units. */
function wantedOf({ source, recorded }: Playable): Recorded['expected'] {
  const { response } = recorded;
  if (response.base64 !== undefined) return readExpected(source.dialect, decodeEvents(bodyOf(recorded)));
  if (source.dialect !== 'cohere' && !(recorded.id in SUMMARISED_OTHERWISE)) return recorded.expected;
  return readExpected(source.dialect, response.text === undefined ? [response.json] : eventsIn(response.text));
}

const isError = ({ recorded }: Playable): boolean => recorded.response.status >= 400;
/** The recording ends without a finish: an error inside it, or a torn stream. */
const isTorn = (playable: Playable): boolean =>
  playable.source.operation === 'chat' && !isError(playable) && wantedOf(playable).finish.length === 0;

const requireData = process.env['AIP_TEST_REQUIRE_DATA'] === '1'; // eslint-disable-line no-restricted-syntax -- a switch of the test run
const suite = hasData || requireData ? describe : describe.skip;
if (!hasData && !requireData) process.stderr.write('replay: left out, ../shared/data is not there\n');

/** The answers to one recording: collected, streamed as recorded, and streamed while the upstream writes single bytes, or for answers
 *  that are recorded apart from their exchanges pieces of 1 to 97 bytes. */
interface Answers {
  collected: HttpAnswer;
  streamed?: HttpAnswer;
  inPieces?: HttpAnswer;
}

/** What the adapter alone makes of a recording that comes in pieces of this many bytes. */
function emissionsOf({ source, recorded }: Playable, pieceBytes: number): string {
  const adapter = ADAPTERS.find(({ to, operation }) => to === source.dialect && operation === source.operation);
  const exchange = adapter?.open({
    deployment: { ...aDeploymentView(source.vendor), dialect: source.dialect },
    request: { model: 'm', messages: [{ role: 'user', content: 'Hello' }] },
    requestId: recorded.id,
    outputBound: 100_000,
    endUser: '',
  });
  if (exchange === undefined) throw new Error(`${source.dialect} is not built`);
  const body = bodyOf(recorded);
  const emissions = [...exchange.accept(recorded.response.status, recorded.response.headers)];
  for (let at = 0; at < body.length; at += pieceBytes)
    emissions.push(...exchange.push(body.subarray(at, at + pieceBytes)));
  emissions.push(...exchange.end());
  return JSON.stringify(
    emissions.map((one) => (one.kind === 'chunk' ? { ...one, raw: Buffer.from(one.raw ?? []).toString() } : one)),
  );
}

const summaryOf = (answer: HttpAnswer): Recorded['expected'] => readExpected('openai', [answer.json()]);
const summaryOfStream = (answer: HttpAnswer): Recorded['expected'] => readExpected('openai', eventsIn(answer.text));
const endsClean = ({ text }: HttpAnswer): boolean =>
  text.trimEnd().endsWith('data: [DONE]') && !text.includes('"error":{');

suite('recorded exchanges through the gateway', () => {
  let check: Check;
  let folder: ReturnType<typeof folderWith> | undefined;
  let events: ReplayUpstream | undefined;
  let bytes: ReplayUpstream | undefined;
  let random: ReplayUpstream | undefined;
  let rig: ReplayGateway;
  const playables: Playable[] = [];
  const answers = new Map<string, Answers>();
  const answersOf = ({ recorded }: Playable): Answers => {
    const found = answers.get(recorded.id);
    if (found === undefined) throw new Error(`${recorded.id} was not asked`);
    return found;
  };
  const served = (): Playable[] => playables.filter((one) => !isError(one) && !isOtherApi(one) && !isTorn(one));

  beforeAll(async () => {
    const built = new Set(ADAPTERS.map(({ to, operation }) => `${to} ${operation}`));
    for (const source of REPLAY_SOURCES) {
      if (!built.has(`${source.dialect} ${source.operation}`)) continue;
      for (const recorded of readRecorded(source.file)) playables.push({ source, recorded });
    }
    const more = readMore().filter(({ source }) => built.has(`${source.dialect} chat`));
    playables.push(...more);
    folder = folderWith(more);
    check = await loadCheck();
    events = await ReplayUpstream.start({ chunk: 'event' }, folder.place);
    bytes = await ReplayUpstream.start({ chunk: 'byte' }, folder.place);
    random = await ReplayUpstream.start({ chunk: 'random' }, folder.place);
    rig = await ReplayGateway.start(playables, events.url, { timers: PATIENT });
    const streams = playables.filter((one) => one.source.operation === 'chat' && !isError(one) && !isOtherApi(one));
    await forEach(playables, AT_ONCE, async (one) => {
      answers.set(one.recorded.id, { collected: await rig.ask(one) });
    });
    await forEach(streams, AT_ONCE, async (one) => {
      answersOf(one).streamed = await rig.ask(one, true);
    });
    const [own, others] = [streams.filter((one) => !more.includes(one)), streams.filter((one) => more.includes(one))];
    await rig.point(bytes.url);
    await forEach(own, AT_ONCE, async (one) => {
      answersOf(one).inPieces = await rig.ask(one, true);
    });
    await rig.point(random.url);
    await forEach(others, AT_ONCE, async (one) => {
      answersOf(one).inPieces = await rig.ask(one, true);
    });
  }, 600_000);
  afterAll(async () => {
    await (rig as ReplayGateway | undefined)?.stop();
    await events?.stop();
    await bytes?.stop();
    await random?.stop();
    folder?.remove();
  }, 60_000);

  function findingsOf(playable: Playable): readonly string[] {
    const { collected, streamed, inPieces } = answersOf(playable);
    if (collected.status !== 200) return [`${String(collected.status)} ${collected.text.slice(0, 200)}`];
    if (playable.source.operation === 'embeddings') {
      const { usage } = collected.json<{ usage: { prompt_tokens: number } }>();
      const wanted = vectorsIn(playable.recorded.response.json);
      const isSame = JSON.stringify(vectorsIn(collected.json())) === JSON.stringify(wanted) && wanted.length > 0;
      const input = playable.recorded.expected.usage?.input_total ?? 0;
      return [...(isSame ? [] : ['other vectors']), ...(usage.prompt_tokens === input ? [] : ['other usage'])];
    }
    const wanted = wantedOf(playable);
    const found: (readonly [name: string, summary: Recorded['expected']])[] = [['collected', summaryOf(collected)]];
    for (const [name, answer] of [
      ['streamed', streamed],
      ['in pieces', inPieces],
    ] as const) {
      if (answer === undefined || !endsClean(answer)) return [`${name}: ${String(answer?.status)} no clean end`];
      found.push([name, summaryOfStream(answer)]);
    }
    return found.flatMap(([name, one]) => findingsBetween(one, wanted).map((finding) => `${name}: ${finding}`));
  }

  it('give text, tool calls, finish and usage as recorded, collected, streamed and in single bytes', () => {
    const wrong: string[] = [];
    for (const [file, group] of Map.groupBy(served(), ({ source }) => source.file)) {
      const unequal = group.filter((one) => !(one.recorded.id in EXCEPTIONS) && findingsOf(one).length > 0);
      wrong.push(...unequal.map((one) => `${one.recorded.id} ${findingsOf(one).join('; ')}`));
      const equal = group.length - unequal.length - group.filter((one) => one.recorded.id in EXCEPTIONS).length;
      process.stdout.write(`replay ${file}: ${String(equal)} of ${String(group.length)} equal\n`);
    }
    expect(wrong).toEqual([]);
  });

  it('give the same in single bytes as in one piece, in every dialect', () => {
    const differing = playables
      .filter((one) => !isError(one) && one.source.operation === 'chat' && bodyOf(one.recorded).length < MOST_BYTES)
      .filter((one) => emissionsOf(one, 1) !== emissionsOf(one, Infinity));
    expect(differing.map(({ recorded }) => recorded.id)).toEqual([]);
  }, 120_000);

  it('list no exception that is none', () => {
    const built = new Map(playables.map((one) => [one.recorded.id, one]));
    for (const id of Object.keys(EXCEPTIONS)) {
      const playable = built.get(id);
      expect([id, playable === undefined ? [] : findingsOf(playable)]).not.toEqual([id, []]);
    }
  });

  it('give only what is valid against the schemas of OpenAI', () => {
    const invalid: string[] = [];
    for (const playable of served()) {
      const { collected, streamed, inPieces } = answersOf(playable);
      const isChat = playable.source.operation === 'chat';
      const schema = isChat ? 'CreateChatCompletionResponse' : 'CreateEmbeddingResponse';
      const found = [check(schema, collected.json())];
      for (const answer of [streamed, inPieces]) {
        for (const event of answer === undefined ? [] : eventsIn(answer.text))
          found.push(check('CreateChatCompletionStreamResponse', event));
      }
      const [first] = found.filter((finding) => finding !== null);
      if (first !== undefined) invalid.push(`${playable.recorded.id} ${first}`);
    }
    expect(invalid).toEqual([]);
  });

  it('tell errors by their class, whatever status the vendor chose', () => {
    const found = playables.filter(isError).map((playable) => {
      const { id, response } = playable.recorded;
      const { collected } = answersOf(playable);
      return [id, response.status, collected.status, collected.json<{ error: { code: string } }>().error.code];
    });
    const wanted = playables.filter(isError).map(({ recorded: { id, response } }) => {
      const failureClass = ERROR_CLASSES[id] ?? CLASS_OF_STATUS[response.status] ?? 'server';
      return [id, response.status, ...(ANSWERS[failureClass] ?? [])];
    });
    expect(found).toEqual(wanted);
  });

  it('never end clean where the recording has no end', () => {
    const torn = playables.filter((one) => isTorn(one) && !isOtherApi(one));
    for (const playable of torn) {
      const { collected, streamed, inPieces } = answersOf(playable);
      expect([playable.recorded.id, collected.status]).toEqual([playable.recorded.id, 502]);
      for (const answer of [streamed, inPieces]) expect(answer !== undefined && endsClean(answer)).toBe(false);
    }
  });

  it('never take another API for an answer', () => {
    for (const playable of playables.filter(isOtherApi)) {
      expect([playable.recorded.id, answersOf(playable).collected.status]).toEqual([playable.recorded.id, 502]);
    }
  });

  it('leave a ledger without findings', async () => {
    expect(await rig.gateway.ledger()).toEqual([]);
  });
});
