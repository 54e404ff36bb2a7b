import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { SystemClock, type Clock } from '../../../src/platform/clock/index.js';
import { ProvidersConfig } from '../../../src/platform/config/index.js';
import { newId } from '../../../src/platform/ids/index.js';
import type { Capabilities, Emission, LimitObservation } from '../../../src/providers/index.js';
import {
  AttemptGate,
  AttemptObserver,
  type AttemptAsk,
  type AttemptRefusal,
} from '../../../src/providers/attempt-gate.js';
import { AdapterRegistry } from '../../../src/providers/adapter-registry.js';
import { anthropicChat } from '../../../src/providers/adapters/anthropic/openai-anthropic.js';
import { bedrockChat } from '../../../src/providers/adapters/bedrock/openai-bedrock.js';
import { openAiEmbeddings } from '../../../src/providers/adapters/openai/openai-embeddings.js';
import { openAiChat } from '../../../src/providers/adapters/openai/openai-openai.js';
import { AttemptLauncher } from '../../../src/providers/attempt-launcher.js';
import { AwsSigner } from '../../../src/providers/aws-signer.js';
import { CredentialVault, placeOf } from '../../../src/providers/credential-vault.js';
import type { AttemptRecord } from '../../../src/providers/domain/attempt.js';
import type { CallInput } from '../../../src/providers/domain/call.js';
import type { StoredCredential } from '../../../src/providers/domain/credential.js';
import { defaultCapabilities } from '../../../src/providers/domain/default-capabilities.js';
import type { Deployment } from '../../../src/providers/domain/deployment.js';
import { ProviderDirectory } from '../../../src/providers/domain/provider-directory.js';
import { ProviderCall } from '../../../src/providers/provider-call.js';
import { GoogleTokens } from '../../../src/providers/google-tokens.js';
import { ProviderProbe } from '../../../src/providers/provider-probe.js';
import { RequestAuth } from '../../../src/providers/request-auth.js';
import { HedgeBudgets } from '../../../src/providers/hedge-budgets.js';
import { RetryBudgets } from '../../../src/providers/retry-budgets.js';
import { SecretBox } from '../../../src/platform/secrets/index.js';
import { SimulatedOrigins } from '../../../src/providers/simulated-origins.js';
import { Transport } from '../../../src/providers/transport.js';
import { TtftBook } from '../../../src/providers/ttft-book.js';

/** Gives permits, counts them, and refuses what a test tells it to. */
class CountingGate extends AttemptGate {
  readonly refusals = new Map<string, AttemptRefusal>();
  readonly loads = new Map<string, number>();
  admitted = 0;
  released = 0;

  override admit({ id }: Deployment, ask: AttemptAsk): ReturnType<AttemptGate['admit']> {
    const refusal = this.refusals.get(id);
    if (refusal !== undefined) return refusal;
    this.admitted += 1;
    return {
      ok: true,
      credentialId: ask.credentialIds[0] ?? null,
      release: () => {
        this.released += 1;
      },
    };
  }

  override load({ id }: Deployment): number {
    return this.loads.get(id) ?? 0;
  }
}

class Witness extends AttemptObserver {
  readonly seen: { readonly record: AttemptRecord; readonly limits: readonly LimitObservation[] }[] = [];

  override observed(_deployment: Deployment, record: AttemptRecord, limits: readonly LimitObservation[]): void {
    this.seen.push({ record, limits });
  }
}

/** A clock that runs faster than time, so that a test need not wait for long limits. */
export class FastClock extends SystemClock {
  readonly #startMs = super.nowMs();

  constructor(private readonly factor: number) {
    super();
  }

  override nowMs(): number {
    return Math.round(this.#startMs + (super.nowMs() - this.#startMs) * this.factor);
  }

  override monotonicMs(): number {
    return super.monotonicMs() * this.factor;
  }

  override after(delayMs: number, work: () => void): () => void {
    return super.after(delayMs / this.factor, work);
  }
}

/** What became of a call that was read to its end. */
export interface CallResult {
  readonly call: ProviderCall;
  readonly emissions: readonly Emission[];
  readonly text: string;
  readonly error: unknown;
}

/** Everything a call needs, without a database: real sockets, real adapters, a gate and an observer that keep count. */
export class CallRig {
  readonly gate = new CountingGate();
  readonly witness = new Witness();
  readonly origins = new SimulatedOrigins();
  readonly box: SecretBox;
  readonly transport: Transport;
  readonly vault: CredentialVault;
  readonly probe: ProviderProbe;
  readonly #directory = mkdtempSync(path.join(tmpdir(), 'aip-call-'));
  readonly #launcher: AttemptLauncher;
  readonly ttfts = new TtftBook();
  readonly #retries = new RetryBudgets();
  readonly #hedges = new HedgeBudgets();

  constructor(
    allowCidrs: readonly string[] = ['127.0.0.0/8'],
    readonly clock: Clock = new SystemClock(),
  ) {
    const keyFile = path.join(this.#directory, 'key');
    writeFileSync(keyFile, Buffer.alloc(32, 3), { mode: 0o600 });
    const config = new ProvidersConfig(keyFile, allowCidrs, true);
    const adapters = new AdapterRegistry([openAiChat, openAiEmbeddings, anthropicChat, bedrockChat]);
    this.box = new SecretBox(config);
    this.transport = new Transport(config, this.origins, this.clock);
    this.vault = new CredentialVault(this.box);
    const auth = new RequestAuth(
      this.transport,
      new GoogleTokens(this.transport, this.clock),
      new AwsSigner(this.clock),
    );
    this.#launcher = new AttemptLauncher(adapters, this.vault, this.transport, this.ttfts, this.clock, auth);
    this.probe = new ProviderProbe(adapters, this.vault, auth, this.clock);
  }

  async stop(): Promise<void> {
    await this.transport.onApplicationShutdown();
    rmSync(this.#directory, { recursive: true });
  }

  /** A deployment on this machine, with short timers. */
  deployment(baseUrl: string, more: Partial<Deployment> & { readonly context?: number } = {}): Deployment {
    const { context = 128_000, ...fields } = more;
    const capabilities: Capabilities = { ...defaultCapabilities('openai', {}), context };
    return {
      id: newId(),
      providerId: newId(),
      providerName: 'partner',
      vendor: 'openai',
      dialect: 'openai',
      baseUrl,
      network: 'private',
      currency: 'USD',
      quirks: {},
      model: 'm',
      upstreamModel: 'up-1',
      region: null,
      capabilities,
      timers: { connectMs: 1_000, ttftMs: 700, idleMs: 700, totalMs: 5_000 },
      limits: {},
      weight: 100,
      state: 'enabled',
      credentialIds: [],
      claims: [],
      simulated: false,
      deprecatedAtMs: null,
      version: 1,
      ...fields,
    };
  }

  /** A sealed credential of a provider. */
  credential(providerId: string, secret: string, more: Partial<StoredCredential> = {}): StoredCredential {
    const place = { id: newId(), providerId, version: 1 };
    const { bytes, keyId } = this.box.seal(secret, placeOf(place));
    return {
      ...place,
      name: 'main',
      scheme: 'bearer',
      sealed: bytes,
      keyId,
      hint: null,
      expiresAtMs: null,
      state: 'active',
      createdAtMs: 0,
      revokedAtMs: null,
      ...more,
    };
  }

  /** Makes credentials known, as a snapshot would. */
  adopt(credentials: readonly StoredCredential[], deployments: readonly Deployment[] = []): void {
    this.vault.adopt(new ProviderDirectory(deployments, new Map(credentials.map((one) => [one.id, one]))));
  }

  open(plan: readonly Deployment[], more: Partial<CallInput> = {}, signal?: AbortSignal): ProviderCall {
    const input: CallInput = {
      requestId: newId(),
      operation: 'chat',
      request: { model: 'm', messages: [{ role: 'user', content: 'Hi' }], stream: true },
      plan,
      outputBound: 100,
      endUser: 'pseudonym',
      deadlineAtMs: this.clock.nowMs() + 10_000,
      maxAttempts: 4,
      ...more,
    };
    const ports = {
      gate: this.gate,
      observer: this.witness,
      launcher: this.#launcher,
      retries: this.#retries,
      hedges: this.#hedges,
    };
    return new ProviderCall(input, ports, signal ?? new AbortController().signal);
  }

  /** Reads a call to its end. */
  async run(plan: readonly Deployment[], more: Partial<CallInput> = {}, signal?: AbortSignal): Promise<CallResult> {
    const call = this.open(plan, more, signal);
    const emissions: Emission[] = [];
    let error: unknown;
    try {
      for await (const batch of call) emissions.push(...batch);
    } catch (thrown) {
      error = thrown;
    }
    return { call, emissions, text: textOf(emissions), error };
  }
}

/** The text that a caller sees. */
export function textOf(emissions: readonly Emission[]): string {
  return emissions.map((one) => (one.kind === 'chunk' ? (one.chunk.choices[0]?.delta.content ?? '') : '')).join('');
}
