import { type ServerResponse } from 'node:http';

import { type Clock } from '../../platform/clock/index.js';
import { seededRandom } from '../../platform/ids/index.js';

import { type Bill, type BilledTokens, type BillLine, chargeFor, NO_TOKENS } from './bill.js';
import { type ChatPrompt, complete, outputTokens, promptTokens, type SimulatedAnswer } from './completion.js';
import { deliver, type Delivery, pause } from './delivery.js';
import { HUGE_CHARACTERS, joinWrites, planBody, type PlanOptions, planStream, type Step } from './delivery-plan.js';
import { type Dialect, Refusal, type RefusalReason, type Rendering } from './dialect.js';
import { parseEmbeddings, renderEmbeddings } from './embeddings.js';
import { type Fault, type FaultBoard, formatFault } from './faults.js';
import { type JsonObject } from './json-object.js';
import { type MinuteLimits } from './minute-limits.js';
import { type SimulatedModel, type SimulatedPartner } from './partners.js';
import { PromptCache, splitInput } from './prompt-cache.js';
import { SIMULATED_MARK } from './text-generator.js';

const THROTTLE_SECONDS = 5;

/** How long faults that take time take. Milliseconds. */
export interface FaultTimings {
  readonly slowHeadersMs: number;
  /** Between two pieces of eight characters. */
  readonly dripMs: number;
  /** After it a stalled answer is cut. */
  readonly stallMs: number;
}

/** What the parts of one simulated partner share. */
export interface PartnerContext {
  readonly partner: SimulatedPartner;
  readonly seed: number;
  readonly clock: Clock;
  readonly hasDelays: boolean;
  /** Null: no limits. */
  readonly limits: MinuteLimits | null;
  readonly faults: FaultBoard;
  readonly timings: FaultTimings;
}

/** One request at the desk. */
export interface Visit {
  readonly response: ServerResponse;
  /** Aborts when the connection closes. */
  readonly signal: AbortSignal;
  readonly requestId: string;
  readonly callerRequestId: string;
  readonly arrivedAtMs: number;
}

type LineDraft = { -readonly [Member in 'model' | 'stream' | 'fault' | 'tokens' | 'delivered']: BillLine[Member] };

/** Answers the requests of one partner and writes each of them on its bill exactly once, whatever happens to it. */
export class PartnerModel {
  readonly #cache = new PromptCache();
  /** Failures of its own strike requests, not prompts: who asks again may be served. */
  readonly #failures: () => number;

  constructor(
    private readonly context: PartnerContext,
    private readonly dialect: Dialect,
    private readonly bill: Bill,
  ) {
    this.#failures = seededRandom(context.seed ^ 0xe44);
  }

  /** Serves a chat request. @throws Refusal — before anything of the answer was sent */
  async chat(visit: Visit, body: JsonObject): Promise<void> {
    await this.#billed(visit, body, async (line) => {
      const model = this.#findModel(body, 'chat');
      const fault = await this.#strike(visit, model, line);
      if (fault === 'reset') return;
      const asked = this.dialect.parseChat(body, model);
      line.stream = asked.stream;
      const tokens = promptTokens(asked);
      const room = model.capabilities.context - tokens.length;
      if (room < 1) throw contextRefusal(model, tokens.length);
      const prompt = { ...asked, maxTokens: Math.min(asked.maxTokens, room) };
      this.#admit(visit, tokens.length);
      const choices = complete(prompt, this.context.seed);
      const answer = { choices, tokens: { ...splitInput(prompt, tokens, this.#cache), ...outputTokens(choices) } };
      line.tokens = { ...answer.tokens, output: 0, reasoning: 0 };
      await this.#answer({ visit, prompt, answer, fault, line, includeUsage: this.dialect.wantsUsage(body) });
    });
  }

  /** Serves an embeddings request. @throws Refusal — before anything of the answer was sent */
  async embeddings(visit: Visit, body: JsonObject): Promise<void> {
    await this.#billed(visit, body, async (line) => {
      const model = this.#findModel(body, 'embeddings');
      const fault = await this.#strike(visit, model, line);
      if (fault === 'reset') return;
      const prompt = parseEmbeddings(body, model);
      this.#admit(visit, prompt.inputTokens);
      line.tokens = { ...NO_TOKENS, input: prompt.inputTokens };
      await pause(this.context.clock, this.context.hasDelays ? this.context.partner.ttftMs : 0, visit.signal);
      if (visit.signal.aborted) return;
      const rendered = renderEmbeddings(
        prompt,
        { model: model.name, usage: reported(line.tokens, fault) },
        this.context.seed,
      );
      const steps = planBody(JSON.stringify(rendered), 0, fault, this.#planOptions(visit, null));
      this.#settle(line, await this.#send(visit, 'application/json', steps), NO_TOKENS);
    });
  }

  async #billed(visit: Visit, body: JsonObject, serve: (line: LineDraft) => Promise<void>): Promise<void> {
    const asked = typeof body['model'] === 'string' ? body['model'].slice(0, 128) : '';
    const line: LineDraft = { model: asked, stream: false, fault: null, tokens: NO_TOKENS, delivered: 'nothing' };
    let refused = 0;
    try {
      await serve(line);
    } catch (error) {
      refused = error instanceof Refusal ? error.status : 500;
      throw error;
    } finally {
      const { partner } = this.context;
      const model = partner.models.find(({ name }) => name === line.model);
      this.bill.add({
        partner: partner.name,
        requestId: visit.callerRequestId,
        ...line,
        arrivedAtMs: visit.arrivedAtMs,
        status: refused !== 0 ? refused : visit.response.headersSent ? visit.response.statusCode : 0,
        amount: chargeFor(line.tokens, model?.prices ?? { input: '0' }),
        currency: partner.currency,
      });
    }
  }

  #findModel(body: JsonObject, operation: SimulatedModel['operation']): SimulatedModel {
    const { models } = this.context.partner;
    const found = models.find((model) => model.name === body['model'] && model.operation === operation);
    if (found !== undefined) return found;
    const known = models.filter((model) => model.operation === operation).map(({ name }) => name);
    throw new Refusal(404, 'not_found', `The model does not exist here. Known: ${known.join(', ')}.`, {
      param: 'model',
    });
  }

  /** Draws a fault and carries out those that strike before an answer exists; returns the one left for the delivery. */
  async #strike(visit: Visit, model: SimulatedModel, line: LineDraft): Promise<Fault | 'reset' | undefined> {
    const { faults, partner, clock, timings } = this.context;
    const fault = faults.drawForRequest(partner.name, model.name);
    if (fault === undefined) return undefined;
    line.fault = formatFault(fault);
    if (fault.kind === 'http') {
      throw new Refusal(fault.status, reasonOf(fault.status), `Simulated failure with status ${String(fault.status)}.`);
    }
    if (fault.kind === 'throttle') {
      throw new Refusal(429, 'rate_limited', 'Rate limit reached. Simulated.', { retryAfterSeconds: THROTTLE_SECONDS });
    }
    if (fault.kind === 'reset') {
      visit.response.socket?.resetAndDestroy();
      return 'reset';
    }
    if (fault.kind === 'slow-headers') await pause(clock, timings.slowHeadersMs, visit.signal);
    return fault;
  }

  /** Lets a request in, or refuses it: limits of the minute, then the partner's own failures. */
  #admit(visit: Visit, inputTokens: number): void {
    const { limits, clock, partner, hasDelays } = this.context;
    const nowMs = clock.nowMs();
    const isAdmitted = limits?.take(nowMs, inputTokens) ?? true;
    const state = limits?.state(nowMs);
    if (state !== undefined)
      visit.response.setHeaders(new Map(Object.entries(this.dialect.limitHeaders(state, nowMs))));
    if (!isAdmitted) {
      const retryAfterSeconds = ((state?.resetsAtMs ?? nowMs) - nowMs) / 1000;
      throw new Refusal(429, 'rate_limited', `Rate limit of ${partner.name} reached. Simulated.`, {
        retryAfterSeconds,
      });
    }
    if (!hasDelays || this.#failures() >= partner.errorRate) return;
    if (partner.dialect === 'anthropic') throw new Refusal(529, 'overloaded', 'Overloaded. Simulated.');
    throw new Refusal(500, 'server', 'The server had an error while processing your request. Simulated.');
  }

  async #answer(job: {
    readonly visit: Visit;
    readonly prompt: ChatPrompt;
    readonly answer: SimulatedAnswer;
    readonly fault: Fault | undefined;
    readonly line: LineDraft;
    readonly includeUsage: boolean;
  }): Promise<void> {
    const { visit, prompt, answer, fault, line } = job;
    const { clock, hasDelays, partner } = this.context;
    const rendering: Rendering = {
      id: this.dialect.answerId(),
      model: prompt.model,
      createdSeconds: Math.floor(visit.arrivedAtMs / 1000),
      usage: reported(answer.tokens, fault),
      includeUsage: job.includeUsage,
    };
    const options = this.#planOptions(visit, prompt.stream ? rendering : null);
    const generated = answer.tokens.output + answer.tokens.reasoning;
    const spread = 0.8 + 0.4 * seededRandom(answer.choices[0]?.seed ?? 0)();
    const ttftMs = hasDelays ? partner.ttftMs * spread : 0;
    await pause(clock, ttftMs + (prompt.stream ? 0 : generated * options.tokenMs), visit.signal);
    if (visit.signal.aborted) return;
    const delivery = prompt.stream
      ? await this.#send(
          visit,
          'text/event-stream; charset=utf-8',
          planStream(this.dialect.frames(answer, rendering), fault, options),
        )
      : await this.#send(
          visit,
          'application/json',
          planBody(JSON.stringify(this.dialect.collected(answer, rendering)), generated, fault, options),
        );
    this.#settle(line, delivery, answer.tokens);
  }

  async #send(visit: Visit, contentType: string, steps: readonly Step[]): Promise<Delivery> {
    const { clock, timings } = this.context;
    visit.response.writeHead(200, { 'content-type': contentType, 'cache-control': 'no-store' });
    return deliver(visit.response, joinWrites(steps), { clock, signal: visit.signal, stallMs: timings.stallMs });
  }

  /** Charges what was generated and handed over; reasoning comes before everything else. An error is free. */
  #settle(line: LineDraft, delivery: Delivery, planned: BilledTokens): void {
    this.context.limits?.addTokens(this.context.clock.nowMs(), delivery.tokens);
    if (line.fault === 'error-in-200') {
      line.tokens = NO_TOKENS;
      return;
    }
    const reasoning = Math.min(delivery.tokens, planned.reasoning);
    line.tokens = { ...line.tokens, reasoning, output: delivery.tokens - reasoning };
    const isWhole = delivery.isEnded && line.fault !== 'truncate' && line.fault !== 'malformed';
    line.delivered = isWhole ? 'complete' : 'partial';
  }

  #planOptions(visit: Visit, rendering: Rendering | null): PlanOptions {
    const { hasDelays, partner, timings } = this.context;
    const refusal = new Refusal(200, 'overloaded', 'Overloaded. Simulated.');
    const requestId = `req_${visit.requestId}`;
    const isStream = rendering !== null;
    return {
      tokenMs: hasDelays ? 1000 / partner.tokensPerSecond : 0,
      dripMs: timings.dripMs,
      error: isStream
        ? this.dialect.errorFrame(refusal, requestId)
        : JSON.stringify(this.dialect.error(refusal, requestId)),
      huge: () => (isStream ? this.dialect.contentFrame(SIMULATED_MARK.padEnd(HUGE_CHARACTERS, 'x'), rendering) : ''),
    };
  }
}

function contextRefusal(model: SimulatedModel, tokens: number): Refusal {
  const { context } = model.capabilities;
  const message = `prompt is too long: ${String(tokens)} tokens; this model's maximum context length is ${String(context)} tokens.`;
  return new Refusal(400, 'context', message, { param: 'messages' });
}

function reasonOf(status: number): RefusalReason {
  const known: Readonly<Record<number, RefusalReason>> = {
    401: 'authentication',
    403: 'authentication',
    404: 'not_found',
    413: 'too_large',
    429: 'rate_limited',
    503: 'overloaded',
    529: 'overloaded',
  };
  return known[status] ?? (status < 500 ? 'invalid' : 'server');
}

/** The usage a partner reports under a fault: none at all, or counts a hundred times too high. */
function reported(tokens: BilledTokens, fault: Fault | undefined): BilledTokens | null {
  if (fault?.kind === 'no-usage') return null;
  if (fault?.kind !== 'wrong-usage') return tokens;
  return { ...tokens, input: tokens.input * 100 + 7, output: tokens.output * 100 + 7 };
}
