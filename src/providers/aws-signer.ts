import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/index.js';
import type { AuthTarget, CredentialScheme } from './credential-scheme.js';
import { CredentialUnusable } from './credential-unusable.error.js';
import { readAwsKeys, type AwsKeys } from './domain/aws-keys.js';
import type { Secret } from '../platform/secrets/index.js';
import { amzDate, signV4 } from './sigv4.js';
import type { OutboundRequest } from './transport.js';

/** `bedrock-runtime.eu-central-1.amazonaws.com`, also with `-fips`, in China, dual-stack and behind a private endpoint. */
const REGIONAL_HOST = /(?:^|\.)bedrock(?:-runtime)?(?:-fips)?\.([a-z]{2}(?:-[a-z]+)+-\d)\./;
const REGION = /^[a-z]{2}(-[a-z]+)+-\d$/;
/** The name that both planes of Bedrock are signed with. */
const SERVICE = 'bedrock';

/** Signs requests to AWS with a pair of keys. The clear text of the secret key never leaves this process: a signature does. */
@Injectable()
export class AwsSigner implements CredentialScheme {
  readonly #keys = new WeakMap<Secret, AwsKeys>();

  constructor(private readonly clock: Clock) {}

  /** The headers of a signature that holds for five minutes. @throws CredentialUnusable — the secret holds no keys, or the region
   *  is known neither from the host nor from the deployment */
  prepare(request: OutboundRequest, target: AuthTarget, secret: Secret): Readonly<Record<string, string>> {
    const keys = this.#keysOf(secret);
    const { host, pathname } = new URL(target.baseUrl);
    const path = `${pathname === '/' ? '' : pathname}${request.path}`;
    const scope = { region: regionOf(target), service: SERVICE, date: amzDate(this.clock.nowMs()) };
    return signV4({ ...request, host, path }, keys, scope);
  }

  #keysOf(secret: Secret): AwsKeys {
    const known = this.#keys.get(secret);
    if (known !== undefined) return known;
    const keys = readAwsKeys(secret.reveal());
    if (keys === undefined) throw new CredentialUnusable('no_aws_keys');
    this.#keys.set(secret, keys);
    return keys;
  }
}

/** The region that signatures name: that of the host decides, then the provider's quirk `region`, then the deployment's. */
function regionOf({ baseUrl, region, quirks }: AuthTarget): string {
  const named = REGIONAL_HOST.exec(new URL(baseUrl).hostname)?.[1] ?? quirks?.['region'] ?? region;
  if (typeof named !== 'string' || !REGION.test(named)) throw new CredentialUnusable('region_unknown');
  return named;
}
