import { describe, expect, it } from '@jest/globals';

import { readChatBody } from '../../src/gateway/api/call-body.input.js';
import type { ChatRequest } from '../../src/openai/index.js';
import type { DeploymentView, Dialect } from '../../src/providers/adapters/adapter.js';
import { ADAPTERS } from '../../src/providers/adapters/all-adapters.js';
import { aDeploymentView } from '../support/adapter-calls.js';
import { hasData, readRecorded } from './recorded-exchanges.js';
import { readLingua, type LinguaCase } from './replay-more.js';
import { REPLAY_SOURCES } from './replay-sources.js';
import { meaningOf, type Meaning } from './request-meaning.js';

const COOLER = ['temperature', 'the recorder asked for 0 in this language only'] as const;
const NO_SAMPLING = [
  'a gap',
  'the model takes no temperature: the recorder dropped it, we leave the model out',
] as const;
const OTHER_ANSWER = ['turns', 'the model had answered otherwise, and that answer is in the history'] as const;
const CACHED = [
  'system',
  'the recorder added a prompt to be cached, which the other language has no place for',
] as const;
/** Pairs that differ: the members that do, and why. */
const EXCEPTIONS: Readonly<Record<string, readonly [members: string, reason: string]>> = {
  'bedrockAnthropicOpus48SamplingParam bedrock request': NO_SAMPLING,
  'bedrockAnthropicOpus48SamplingParam bedrock followup-request': NO_SAMPLING,
  'jsonSchemaMinMaxItemsParam google request': COOLER,
  'jsonSchemaMinMaxItemsParam google followup-request': COOLER,
  'jsonSchemaPrefixItemsParam google request': COOLER,
  'jsonSchemaPrefixItemsParam google followup-request': COOLER,
  'multimodalRequest anthropic followup-request': OTHER_ANSWER,
  'multimodalRequest google request': ['turns', 'the recorder sent the bytes of an image that is a URL here'],
  'multimodalRequest google followup-request': ['turns', 'the recorder sent the bytes of an image that is a URL here'],
  'multimodalRequest bedrock request': ['a gap', 'Bedrock takes no URL of an image, and we fetch none'],
  'parallelToolCallsDisabledParam anthropic followup-request': OTHER_ANSWER,
  'promptCacheKeyParam anthropic request': CACHED,
  'promptCacheKeyParam anthropic followup-request': CACHED,
  'toolChoiceRequiredWithReasoningParam google followup-request': OTHER_ANSWER,
};

/** Format of `lingua` → dialect that we would call it in. */
const FORMATS: Readonly<Record<string, Dialect>> = {
  anthropic: 'anthropic',
  google: 'gemini',
  'vertex-google': 'gemini',
  bedrock: 'bedrock',
};

const requireData = process.env['AIP_TEST_REQUIRE_DATA'] === '1'; // eslint-disable-line no-restricted-syntax -- a switch of the test run
const suite = hasData || requireData ? describe : describe.skip;
if (!hasData && !requireData) process.stderr.write('lingua-requests: left out, ../shared/data is not there\n');

type Body = Readonly<Record<string, unknown>>;

function viewOf(dialect: Dialect, model: string, request: Body): DeploymentView {
  const isReasoning = 'reasoning_effort' in request;
  return { ...aDeploymentView(dialect, { reasoning: isReasoning }), dialect, upstreamModel: model };
}

/** What we would send for the request in OpenAI's language; null when this deployment would not be asked. */
function sentBody(dialect: Dialect, request: Body, recorded: Body): Body | null {
  const adapter = ADAPTERS.find(({ to, operation }) => to === dialect && operation === 'chat');
  if (adapter === undefined) return null;
  const model = ((recorded['model'] ?? recorded['modelId']) as string | undefined) ?? 'gemini-2.5-flash';
  const deployment = viewOf(dialect, model, request);
  const chat = request as unknown as ChatRequest;
  if (adapter.gaps(chat, deployment).length > 0) return null;
  const { request: wire } = adapter.open({
    deployment,
    request: chat,
    requestId: 'request-1/1',
    outputBound: Number(request['max_completion_tokens'] ?? recorded['max_tokens'] ?? 1_024),
    endUser: '',
  });
  return JSON.parse(Buffer.from(wire.body ?? []).toString()) as Body;
}

/** Names of what one request asks for and the other does not, or otherwise. */
function differencesOf(one: Meaning, other: Meaning): readonly string[] {
  const names = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  return names.filter((name) => JSON.stringify(one[name]) !== JSON.stringify(other[name]));
}

interface Pair {
  readonly name: string;
  readonly dialect: Dialect;
  readonly request: Body;
  readonly recorded: Body;
}

function pairsOf({ name, formats }: LinguaCase): readonly Pair[] {
  const { 'chat-completions': chat } = formats;
  if (chat === undefined) return [];
  return Object.entries(FORMATS).flatMap(([format, dialect]) =>
    ['request', 'followup-request'].flatMap((member): Pair[] => {
      const [request, recorded] = [chat[member], formats[format]?.[member]];
      if (request === undefined || recorded === undefined) return [];
      return [{ name: `${name} ${format} ${member}`, dialect, request: request as Body, recorded: recorded as Body }];
    }),
  );
}

suite('requests of lingua, one logical request in several languages', () => {
  it('become what was recorded, in meaning', () => {
    const wrong: string[] = [];
    let equal = 0;
    const pairs = readLingua().flatMap(pairsOf);
    for (const { name, dialect, request, recorded } of pairs) {
      const body = sentBody(dialect, request, recorded);
      const differences =
        body === null ? ['a gap'] : differencesOf(meaningOf(dialect, body), meaningOf(dialect, recorded));
      if (differences.length === 0) equal += 1;
      else if (EXCEPTIONS[name]?.[0] !== differences.join()) wrong.push(`${name}: ${differences.join()}`);
    }
    process.stdout.write(
      `lingua requests: ${String(equal)} of ${String(pairs.length)} equal in meaning, the others listed\n`,
    );
    expect(wrong).toEqual([]);
  });
});

suite('recorded requests', () => {
  it('no recorded request is refused by our schema', () => {
    const interactions = REPLAY_SOURCES.filter(({ dialect, operation }) => dialect === 'openai' && operation === 'chat')
      .flatMap(({ file }) => readRecorded(file))
      .map(({ id, request }) => [id, request.body] as const);
    const lingua = readLingua().flatMap(({ name, formats }) =>
      ['request', 'followup-request'].map((member) => [name, formats['chat-completions']?.[member]] as const),
    );
    const refused: unknown[] = [];
    let checked = 0;
    for (const [id, body] of [...interactions, ...lingua]) {
      if (typeof body !== 'object' || body === null || !('messages' in body)) continue;
      checked += 1;
      try {
        readChatBody({ model: 'named-in-the-path', ...body }, 'lenient');
      } catch (error) {
        refused.push([id, String(error)]);
      }
    }
    expect(refused).toEqual([]);
    expect(checked).toBeGreaterThan(200);
  });
});
