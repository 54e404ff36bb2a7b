import { beforeAll, describe, expect, it } from '@jest/globals';

import type { Dialect, Emission, Exchange } from '../../src/providers/adapters/adapter.js';
import { ADAPTERS } from '../../src/providers/adapters/all-adapters.js';
import { toOpenAiUsage, type TokenUsage } from '../../src/providers/adapters/usage.js';
import { aDeploymentView } from '../support/adapter-calls.js';
import { bodyOf, hasData, readRecorded, type Recorded } from './recorded-exchanges.js';
import { readMore } from './replay-more.js';
import { REPLAY_SOURCES } from './replay-sources.js';

const requireData = process.env['AIP_TEST_REQUIRE_DATA'] === '1'; // eslint-disable-line no-restricted-syntax -- a switch of the test run
const suite = hasData || requireData ? describe : describe.skip;
if (!hasData && !requireData) process.stderr.write('usage-traps: left out, ../shared/data is not there\n');

interface Known {
  readonly vendor: string;
  readonly dialect: Dialect;
  readonly recorded: Recorded;
}

/** What an exchange made of a body. */
interface Metered {
  readonly usage: TokenUsage | null;
  readonly reports: number;
  readonly tier: string | null;
  readonly exchange: Exchange;
  readonly emissions: readonly Emission[];
}

function play({ vendor, dialect, recorded }: Known, body: Buffer = bodyOf(recorded)): Metered {
  const adapter = ADAPTERS.find(({ to, operation }) => to === dialect && operation === 'chat');
  if (adapter === undefined) throw new Error(`${dialect} is not built`);
  const exchange = adapter.open({
    deployment: { ...aDeploymentView(vendor), dialect },
    request: { model: 'm', messages: [{ role: 'user', content: 'Hello' }] },
    requestId: recorded.id,
    outputBound: 100_000,
    endUser: '',
  });
  const { status, headers } = recorded.response;
  const emissions = [...exchange.accept(status, headers), ...exchange.push(body), ...exchange.end()];
  const told = emissions.filter((one) => one.kind === 'usage');
  const last = told.at(-1);
  return { usage: last?.usage ?? null, reports: told.length, tier: last?.billedTier ?? null, exchange, emissions };
}

const kept = (usage: TokenUsage | null): TokenUsage => {
  if (usage === null) throw new Error('no usage');
  return usage;
};
const sumOf = (usage: TokenUsage): number =>
  usage.input + usage.cachedInput + usage.cacheWrite + usage.output + usage.reasoning;

suite('traps of metering, on recorded traffic', () => {
  const all: Known[] = [];
  const byId = (id: string): Known => {
    const found = all.find(({ recorded }) => recorded.id === id);
    if (found === undefined) throw new Error(`${id} is not recorded`);
    return found;
  };
  const rawOf = ({ recorded }: Known): Readonly<Record<string, unknown>> => recorded.expected.usage_raw.at(-1) ?? {};
  const answered = (vendors: readonly string[]): readonly Known[] =>
    all.filter(
      ({ vendor, recorded }) =>
        vendors.includes(vendor) && recorded.response.status === 200 && recorded.expected.usage !== null,
    );

  beforeAll(() => {
    const built = new Set(ADAPTERS.map(({ to }) => to));
    for (const { file, vendor, dialect, operation } of REPLAY_SOURCES) {
      if (operation !== 'chat' || !built.has(dialect)) continue;
      for (const recorded of readRecorded(file)) all.push({ vendor, dialect, recorded });
    }
    for (const { source, recorded } of readMore()) {
      if (built.has(source.dialect)) all.push({ vendor: source.vendor, dialect: source.dialect, recorded });
    }
  });

  it('U1 xAI leaves reasoning out of completion tokens: 215 are charged, not 26', () => {
    const usage = kept(play(byId('vercel-xai-xai-tool-call-json')).usage);
    expect(usage).toMatchObject({ output: 26, reasoning: 189 });
    expect(toOpenAiUsage(usage)).toMatchObject({ prompt_tokens: 291, completion_tokens: 215, total_tokens: 506 });
  });

  it('U2 OpenAI, Groq and DeepSeek include reasoning in completion tokens', () => {
    const reasoned = answered(['openai', 'groq', 'deepseek']).filter(
      ({ recorded }) => (recorded.expected.usage?.reasoning ?? 0) > 0,
    );
    expect(new Set(reasoned.map(({ vendor }) => vendor))).toEqual(new Set(['openai', 'groq', 'deepseek']));
    for (const known of reasoned) {
      const usage = kept(play(known).usage);
      expect(usage.output).toBeGreaterThanOrEqual(0);
      expect([known.recorded.id, usage.output + usage.reasoning]).toEqual([
        known.recorded.id,
        rawOf(known)['completion_tokens'] ?? known.recorded.expected.usage?.output_total,
      ]);
    }
  });

  it('U3 Gemini: thoughts are reasoning, the prompt of tools is input, and the compatible address hides both', () => {
    const natives = answered(['gemini']).filter(
      ({ dialect, recorded }) => dialect === 'gemini' && recorded.expected.usage_raw.length > 0,
    );
    expect(natives.filter((known) => rawOf(known)['toolUsePromptTokenCount'] !== undefined).length).toBeGreaterThan(0);
    for (const known of natives) {
      const raw = rawOf(known) as Readonly<Record<string, number>>;
      const shown = toOpenAiUsage(kept(play(known).usage));
      const thoughts = raw['thoughtsTokenCount'] ?? 0;
      const details = [
        shown.prompt_tokens_details?.['cached_tokens'],
        shown.completion_tokens_details?.['reasoning_tokens'],
      ];
      expect([known.recorded.id, shown.prompt_tokens, shown.completion_tokens, ...details]).toEqual([
        known.recorded.id,
        (raw['promptTokenCount'] ?? 0) + (raw['toolUsePromptTokenCount'] ?? 0),
        (raw['candidatesTokenCount'] ?? 0) + thoughts,
        raw['cachedContentTokenCount'] ?? 0,
        thoughts,
      ]);
    }
    for (const known of answered(['gemini']).filter(({ dialect }) => dialect === 'openai')) {
      const raw = rawOf(known) as Readonly<Record<string, number>>;
      const shown = toOpenAiUsage(kept(play(known).usage));
      expect(shown.completion_tokens).toBe((raw['total_tokens'] ?? 0) - (raw['prompt_tokens'] ?? 0));
    }
  });

  it('U4 Anthropic: input stands beside what was cached; writes of five minutes and of an hour are apart', () => {
    const cached = answered(['anthropic']).filter(({ recorded }) => (recorded.expected.usage?.cached_read ?? 0) > 0);
    expect(cached.length).toBeGreaterThan(5);
    for (const known of cached) {
      const usage = kept(play(known).usage);
      expect(toOpenAiUsage(usage).prompt_tokens).toBe(known.recorded.expected.usage?.input_total);
    }
    const written = answered(['anthropic']).filter(({ recorded }) => (recorded.expected.usage?.cache_write ?? 0) > 0);
    for (const known of written) {
      const usage = kept(play(known).usage);
      const hour = usage.extras?.find(({ meter }) => meter === 'cacheWrite1h')?.quantity ?? 0;
      expect(usage.cacheWrite + hour).toBe(known.recorded.expected.usage?.cache_write);
    }
  });

  it('U5 Groq reports in x_groq, DeepSeek, Mistral and Writer name cached tokens in their own way: found once', () => {
    const groq = answered(['groq']).filter(({ recorded }) => (recorded.response.text ?? '').includes('x_groq'));
    expect(groq.length).toBeGreaterThan(0);
    for (const known of groq) expect(kept(play(known).usage).input).toBeGreaterThan(0);
    const names = [
      ['deepseek', 'prompt_cache_hit_tokens'],
      ['mistral', 'num_cached_tokens'],
    ] as const;
    for (const [vendor, name] of names) {
      const named = answered([vendor]).filter((known) => typeof rawOf(known)[name] === 'number');
      expect(named.length).toBeGreaterThan(0);
      for (const known of named) {
        const usage = kept(play(known).usage);
        expect([known.recorded.id, usage.cachedInput]).toEqual([known.recorded.id, rawOf(known)[name]]);
        expect(usage.input + usage.cachedInput).toBe(rawOf(known)['prompt_tokens']);
      }
    }
    for (const known of answered(['writer'])) {
      const details = (rawOf(known)['prompt_token_details'] ?? {}) as { readonly cached_tokens?: number };
      expect(kept(play(known).usage).cachedInput).toBe(details.cached_tokens ?? 0);
    }
  });

  it('U6 Cohere: billed units are charged, not the tokens beside them', () => {
    const usage = kept(play(byId('cohere-chat-29f4955eea3c')).usage);
    expect(usage).toMatchObject({ input: 94, cachedInput: 0, output: 27 });
  });

  it('U7 Bedrock: input leaves out reads and writes of the cache, which two names tell once', () => {
    const known = answered(['bedrock']).filter((one) => rawOf(one)['cacheReadInputTokenCount'] !== undefined);
    expect(known.length).toBeGreaterThan(0);
    for (const one of known) {
      const raw = rawOf(one) as Readonly<Record<string, number>>;
      const usage = kept(play(one).usage);
      expect(usage.input).toBe(raw['inputTokens']);
      expect(usage.cachedInput).toBe(raw['cacheReadInputTokens'] ?? raw['cacheReadInputTokenCount']);
    }
  });

  it('U8 repeated reports: the last wins, none is added', () => {
    const repeated = all.filter(({ recorded }) => recorded.expected.usage_raw.length > 1);
    const more = all.filter(
      ({ recorded }) =>
        recorded.id.startsWith('vercel-perplexity-perplexity-text-chunks') ||
        recorded.id.startsWith('lingua-complexReasoningRequest-google-response-streaming'),
    );
    expect(repeated.length + more.length).toBeGreaterThan(1);
    for (const known of [...repeated, ...more]) {
      const shown = toOpenAiUsage(kept(play(known).usage));
      const { usage: wanted } = known.recorded.expected;
      expect([known.recorded.id, shown.prompt_tokens, shown.completion_tokens]).toEqual([
        known.recorded.id,
        wanted?.input_total,
        wanted?.output_total,
      ]);
    }
  });

  it('U9 a total above the sum is charged as reasoning and flagged, one below it says nothing', () => {
    const known = answered(['gemini']).find(({ dialect, recorded }) => {
      const raw = recorded.expected.usage_raw.at(-1) as Readonly<Record<string, number>> | undefined;
      return (
        dialect === 'openai' &&
        (raw?.['total_tokens'] ?? 0) > (raw?.['prompt_tokens'] ?? 0) + (raw?.['completion_tokens'] ?? 0)
      );
    });
    if (known === undefined) throw new Error('no such recording');
    const { usage, exchange } = play(known);
    const raw = rawOf(known) as Readonly<Record<string, number>>;
    expect(sumOf(kept(usage))).toBe(raw['total_tokens']);
    expect(exchange.anomalies).toEqual(['unexplained_total']);
    const low = bodyOf(known.recorded)
      .toString()
      .replace(/"total_tokens": ?\d+/, '"total_tokens":1');
    const lower = play(known, Buffer.from(low));
    expect(sumOf(kept(lower.usage))).toBe((raw['prompt_tokens'] ?? 0) + (raw['completion_tokens'] ?? 0));
  });

  it.each([
    ['-1', 'refused'],
    ['1.5', 'refused'],
    ['10000000', 'refused'],
    ['null', 'absent'],
    ['0', 'zero_output'],
  ])('U10 output %s is %s', (count, meaning) => {
    const known = byId('openai-chat-cf4701eb63a8');
    const changed = bodyOf(known.recorded)
      .toString()
      .replace(/"completion_tokens": ?\d+/g, `"completion_tokens":${count}`)
      .replace(/"total_tokens": ?\d+/g, '"total_tokens":0');
    expect(changed).toContain(`"completion_tokens":${count}`);
    const { usage, exchange } = play(known, Buffer.from(changed));
    expect(usage === null).toBe(meaning !== 'zero_output');
    expect(exchange.anomalies).toEqual(meaning === 'absent' ? [] : [meaning]);
    expect(exchange.received.textBytes).toBeGreaterThan(0);
  });

  it('U11 an error with usage gives it; a cut leaves what was reported, else the bytes that came', () => {
    const groq = play(byId('groq-chat-019e8da73a50'));
    expect(groq.emissions.at(-1)).toMatchObject({ kind: 'failure', failure: { outcome: 'error_in_body' } });
    expect(groq.exchange.received.reasoningBytes + groq.exchange.received.textBytes).toBeGreaterThan(0);
    const anthropic = byId('anthropic-messages-b76b13613cf3');
    const whole = bodyOf(anthropic.recorded);
    const cut = play(anthropic, whole.subarray(0, whole.indexOf('event: message_delta')));
    expect(cut.emissions.at(-1)).toMatchObject({ kind: 'failure', failure: { class: 'truncated', billed: 'maybe' } });
    expect(cut.exchange.received.textBytes).toBeGreaterThan(0);
  });

  it('U12 OpenRouter names a cost, which is kept beside the usage; the tier that a vendor echoes is told for pricing', () => {
    const priced = answered(['openrouter']).filter((known) => typeof rawOf(known)['cost'] === 'number');
    expect(priced.length).toBeGreaterThan(0);
    for (const known of priced) {
      const { exchange } = play(known);
      expect(exchange.reportedCost).toMatch(/^\d+(\.\d{1,12})?$/);
      // Twelve decimals are kept, so what was named is told but for what lies behind them.
      expect((rawOf(known)['cost'] as number).toFixed(12)).toContain(exchange.reportedCost);
    }
    const tiers = answered(['openai', 'groq', 'anthropic']).map((known) => play(known).tier);
    expect(new Set(tiers)).toEqual(new Set([...tiers.filter((tier) => tier !== null), null]));
    expect(tiers.filter((tier) => tier === 'default').length).toBeGreaterThan(10);
    expect(tiers).toContain('on_demand');
    expect(tiers).toContain('standard');
  });
});
