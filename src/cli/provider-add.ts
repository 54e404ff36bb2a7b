import { baseUrlOf, KNOWN_VENDORS, vendorOf, type Vendor } from '../providers/index.js';
import type { Command, Invocation } from './command.js';
import { EXIT, usageError } from './exit-codes.js';
import { printError, printJson, printLine } from './print.js';
import { printFindings, testProvider, type Finding, type ProviderDetails } from './provider-view.js';
import { readSecretInput, SECRET_OPTIONS } from './secret-input.js';
import { serverApi, type ServerApi } from './server-api.js';

type Values = Invocation['values'];

interface PlannedModel {
  readonly model: string;
  readonly upstreamModel: string;
}

const textOf = (value: string | boolean | undefined): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

function addressOf(vendor: Vendor, name: string, values: Values): string {
  const given = textOf(values['base-url']);
  if (given !== undefined) return given;
  const [region, resource] = [textOf(values['region']), textOf(values['resource'])];
  const filled = baseUrlOf(vendor, {
    ...(region === undefined ? {} : { region }),
    ...(resource === undefined ? {} : { resource }),
  });
  if (filled === undefined) {
    throw usageError(`say where ${name} is with --base-url; addresses are known of ${KNOWN_VENDORS.join(', ')}`);
  }
  if ('missing' in filled)
    throw usageError(`the address of ${name} needs ${filled.missing.map((place) => `--${place}`).join(' and ')}`);
  return filled.url;
}

/** Reads `gpt-5,fast=gpt-5-mini`: public names, and where they differ the vendor's own. */
export function parseModels(text: string | undefined): readonly PlannedModel[] {
  return (text ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const at = part.indexOf('=');
      if (at === 0 || at === part.length - 1) throw usageError(`--models: "${part}" is no name or public=upstream`);
      return at < 0
        ? { model: part, upstreamModel: part }
        : { model: part.slice(0, at), upstreamModel: part.slice(at + 1) };
    });
}

async function bodyOf(vendorName: string, values: Values): Promise<object> {
  const vendor = vendorOf(vendorName);
  const network = textOf(values['network']) ?? vendor.network;
  const project = textOf(values['project']);
  const scheme = textOf(values['scheme']);
  const secret = await readSecretInput(values, {
    isNeeded: vendor.needsCredential,
    prompt: `Secret of ${vendorName} (not shown)`,
  });
  return {
    name: textOf(values['name']) ?? vendorName,
    vendor: vendorName,
    baseUrl: addressOf(vendor, vendorName, values),
    network,
    ...(project === undefined ? {} : { quirks: { project } }),
    ...(secret === undefined ? {} : { credential: { secret, ...(scheme === undefined ? {} : { scheme }) } }),
  };
}

async function deploy(
  api: ServerApi,
  providerId: string,
  models: readonly PlannedModel[],
  region: string | undefined,
): Promise<void> {
  for (const one of models) {
    const body = { providerId, ...one, ...(region === undefined ? {} : { region }) };
    await api.call({ method: 'POST', path: '/api/deployments', body });
  }
}

/** Models whose calls would be refused because nobody knows what they cost. */
async function unpriced(api: ServerApi, vendor: string, models: readonly PlannedModel[]): Promise<readonly string[]> {
  const known = await Promise.all(
    models.map(({ upstreamModel }) =>
      api.call<{ data: readonly unknown[] }>({
        method: 'GET',
        path: `/api/prices?limit=1&vendor=${encodeURIComponent(vendor)}&model=${encodeURIComponent(upstreamModel)}`,
      }),
    ),
  );
  return models.filter((_model, at) => known[at]?.data.length === 0).map(({ upstreamModel }) => upstreamModel);
}

function report(
  { name, baseUrl }: ProviderDetails,
  facts: {
    readonly vendor: string;
    readonly models: readonly PlannedModel[];
    readonly withoutPrice: readonly string[];
  },
): void {
  const serves = facts.models.map(({ model }) => model).join(', ');
  printLine(`${name} is added at ${baseUrl}${serves === '' ? '; it has no models yet' : ` and serves ${serves}`}.`);
  if (facts.withoutPrice.length > 0) {
    printLine(
      `No price is known for ${facts.withoutPrice.join(', ')}: calls are refused until there is one (POST /api/prices).`,
    );
  }
}

/** Adds the provider alone, tests it, and only then puts models into service; what fails the test is removed again. */
async function addTested(
  api: ServerApi,
  body: object,
  values: Values,
): Promise<{ provider: ProviderDetails; findings: readonly Finding[]; isKept: boolean }> {
  const models = parseModels(textOf(values['models']));
  const provider = await api.call<ProviderDetails>({ method: 'POST', path: '/api/providers', body });
  const findings =
    values['no-test'] === true
      ? []
      : await testProvider(api, provider.id, models.map(({ upstreamModel }) => upstreamModel).slice(0, 8));
  const isKept = findings.every(({ ok }) => ok) || values['force'] === true;
  if (isKept) await deploy(api, provider.id, models, textOf(values['region']));
  else await api.call({ method: 'DELETE', path: `/api/providers/${provider.id}`, version: provider.version });
  return { provider, findings, isKept };
}

/** `aip provider add` */
export const providerAdd: Command = {
  name: 'provider add',
  args: '<vendor> [--models m,…]',
  summary: 'Add a partner, test the connection without cost and put its models into service',
  options: {
    name: { type: 'string', describe: 'name of the provider; the vendor when absent' },
    'base-url': { type: 'string', describe: 'address of the API; known vendors have one' },
    models: { type: 'string', describe: 'what it serves: gpt-5,fast=gpt-5-mini (public=upstream)' },
    network: { type: 'string', describe: 'public, or private for a partner on site (AIP_PROVIDER_ALLOW_CIDRS)' },
    region: { type: 'string', describe: 'region, where the address has one' },
    resource: { type: 'string', describe: 'name of the Azure resource' },
    project: { type: 'string', describe: 'Google Cloud project' },
    scheme: { type: 'string', describe: 'how the secret travels, if not as usual for the vendor' },
    ...SECRET_OPTIONS,
    'no-test': { type: 'boolean', describe: 'do not test the connection' },
    force: { type: 'boolean', describe: 'add it although the test fails' },
  },
  async run({ positionals, values, json }) {
    const [vendor] = positionals;
    if (vendor === undefined)
      throw usageError(`name the vendor: ${KNOWN_VENDORS.join(', ')}, or any other with --base-url`);
    const models = parseModels(textOf(values['models']));
    const body = await bodyOf(vendor, values);
    const api = await serverApi('provider:write');
    const { provider, findings, isKept } = await addTested(api, body, values);
    const withoutPrice = isKept ? await unpriced(api, vendor, models) : [];
    if (json) printJson({ id: isKept ? provider.id : null, name: provider.name, findings, withoutPrice });
    else {
      printFindings(provider.name, findings);
      if (isKept) report(provider, { vendor, models, withoutPrice });
      else printError('Nothing was added. Mend what is said above and try again, or add it all the same with --force.');
    }
    return findings.every(({ ok }) => ok) ? EXIT.ok : EXIT.finding;
  },
};
