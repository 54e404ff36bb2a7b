import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { calcPrice, findProvider } from '@pydantic/genai-prices';

// Writes src/metering/catalogue/<vendor>.json from published price lists. For developers; the product never fetches prices.
// Usage: node bin/generate-catalogue.mjs [prices.json with lists of models.dev and LiteLLM to check against]
// Where lists differ the dearer price is taken. Nothing is confirmed: a person does that.

const OUT = fileURLToPath(new URL('../src/metering/catalogue/', import.meta.url));
const EFFECTIVE_FROM = '2026-01-01T00:00:00.000Z';
const GENAI = { name: '@pydantic/genai-prices 0.1.8', asOf: '2026-09-23' };
const MODELS_DEV = { name: 'anomalyco/models.dev f3fc692', asOf: '2026-07-02' };
const LITELLM = { name: 'Wei-Shaw/model-price-repo f9ff147', asOf: '2026-07-24' };
const PICO_PER_MILLIONTH = 1_000_000n;

/** Our vendor → its names in the lists. */
const VENDORS = {
  openai: { genai: 'openai', modelsDev: 'openai', litellm: 'openai' },
  anthropic: { genai: 'anthropic', modelsDev: 'anthropic', litellm: 'anthropic' },
  google: { genai: 'google', modelsDev: 'google', litellm: 'vertex_ai-language-models' },
  xai: { genai: 'x-ai', modelsDev: 'xai', litellm: 'xai' },
  deepseek: { genai: 'deepseek', modelsDev: 'deepseek', litellm: 'deepseek' },
  mistral: { genai: 'mistral', modelsDev: 'mistral' },
  cohere: { genai: 'cohere', modelsDev: 'cohere' },
  groq: { genai: 'groq', modelsDev: 'groq' },
  together: { genai: 'together', modelsDev: 'togetherai' },
  fireworks: { genai: 'fireworks', modelsDev: 'fireworks-ai' },
  perplexity: { genai: 'perplexity', modelsDev: 'perplexity' },
  moonshot: { genai: 'moonshotai', modelsDev: 'moonshotai' },
};
const NOT_CHAT =
  /realtime|audio|tts|image|transcribe|whisper|sora|live|speech|moderation|ocr|imagen|veo|lyria|computer-use|robotics/;
const ORDER = [
  'input',
  'cachedInput',
  'cacheWrite',
  'cacheWrite1h',
  'output',
  'reasoning',
  'inputAudio',
  'inputImage',
  'webSearch',
];

/** USD per million → pico-dollars per one. Reads the digits of the number, not its binary value. */
function perOne(usdPerMillion, where) {
  const text = usdPerMillion.toFixed(12);
  if (Number(text) !== usdPerMillion) throw new Error(`${where}: ${usdPerMillion} has more than 12 decimals`);
  const [whole, fraction] = text.split('.');
  const pico = BigInt(whole + fraction);
  if (pico % PICO_PER_MILLIONTH !== 0n) throw new Error(`${where}: the price of one is not a whole number of picos`);
  return pico / PICO_PER_MILLIONTH;
}

/** A price list in one shape: meter → list of { from: smallest input, pico }. */
function fromGenai(model) {
  const prices = Array.isArray(model.prices) ? pickConditional(model.prices) : model.prices;
  const meters = {
    input_mtok: 'input',
    cache_read_mtok: 'cachedInput',
    cache_write_mtok: 'cacheWrite',
    cache_write_1h_mtok: 'cacheWrite1h',
    output_mtok: 'output',
    input_audio_mtok: 'inputAudio',
    input_image_mtok: 'inputImage',
  };
  const found = {};
  for (const [key, meter] of Object.entries(meters)) {
    const price = prices[key];
    if (price === undefined) continue;
    if (typeof price === 'number') found[meter] = [{ from: 0, pico: perOne(price, model.id) }];
    else
      found[meter] = [
        { from: 0, pico: perOne(price.base, model.id) },
        ...price.tiers.map((tier) => ({ from: tier.start + 1, pico: perOne(tier.price, model.id) })),
      ];
  }
  const searches = prices.web_searches_kcount;
  if (typeof searches === 'number') found.webSearch = [{ from: 0, pico: perOne(searches * 1000, model.id) }];
  return found;
}

/** The dearest of the prices that apply at some time of day, of the newest start. */
function pickConditional(list) {
  const started = list.filter(({ constraint }) => (constraint?.start_date ?? '') <= GENAI.asOf);
  const newest = started
    .map(({ constraint }) => constraint?.start_date ?? '')
    .sort()
    .at(-1);
  const now = started.filter(
    ({ constraint }) => (constraint?.start_date ?? '') === newest || constraint?.start_time !== undefined,
  );
  return now.map(({ prices }) => prices).sort((a, b) => inputOf(b) - inputOf(a))[0];
}

const inputOf = ({ input_mtok: input }) => (typeof input === 'number' ? input : (input?.base ?? 0));

function fromModelsDev(id, model) {
  const found = {};
  for (const [key, meter] of [
    ['in', 'input'],
    ['cr', 'cachedInput'],
    ['cw', 'cacheWrite'],
    ['out', 'output'],
    ['ia', 'inputAudio'],
  ]) {
    if (!Number.isFinite(model[key])) continue;
    found[meter] = [{ from: 0, pico: perOne(model[key], id) }];
    for (const tier of model.tiers ?? []) {
      if (Number.isFinite(tier[key])) found[meter].push({ from: tier.over + 1, pico: perOne(tier[key], id) });
    }
  }
  return found;
}

function fromLitellm(id, model) {
  const found = {};
  for (const [key, meter] of [
    ['in', 'input'],
    ['cr', 'cachedInput'],
    ['cw', 'cacheWrite'],
    ['cw1h', 'cacheWrite1h'],
    ['out', 'output'],
  ]) {
    if (Number.isFinite(model[key])) found[meter] = [{ from: 0, pico: perOne(model[key], id) }];
  }
  return found;
}

const priceAt = (bands, from) => bands.filter((band) => band.from <= from).at(-1)?.pico;

const dearest = (picos) => picos.reduce((most, pico) => (pico > most ? pico : most), 0n);

/** What a list says of a band: its surcharge on the dearest base, so that a band is never cheaper than its base is dear. */
function offerAt(bands, from, base) {
  const own = bands.find((band) => band.from === 0)?.pico ?? 0n;
  const pico = priceAt(bands, from);
  return own === 0n || from === 0 ? pico : (pico * base + own - 1n) / own;
}

/** Per meter and band the dearest of all lists. */
function merge(lists) {
  const merged = {};
  for (const meter of new Set(lists.flatMap(({ prices }) => Object.keys(prices)))) {
    const priced = lists.filter(({ prices }) => prices[meter] !== undefined);
    const starts = [...new Set(priced.flatMap(({ prices }) => prices[meter].map(({ from }) => from)))].sort(
      (a, b) => a - b,
    );
    const base = dearest(priced.map(({ prices }) => priceAt(prices[meter], 0)));
    merged[meter] = starts.map((from) => {
      const offers = priced.map(({ source, prices }) => ({ source, pico: offerAt(prices[meter], from, base) }));
      const pico = dearest(offers.map((offer) => offer.pico));
      const names = offers.map(({ source }) => source.name).join(', ');
      const differs = offers.some((offer) => offer.pico !== pico);
      const asOf = offers
        .map(({ source }) => source.asOf)
        .sort()
        .at(-1);
      return { from, pico, source: differs ? `dearest of ${names}` : names, asOf };
    });
  }
  return withFilled(merged);
}

/** Kinds that a vendor does not price apart cost what the kind costs that contains them. Decided here, never when charging. */
function withFilled(merged) {
  const copy = (bands, kind) =>
    bands.map((band) => ({ ...band, source: `${band.source}; not priced apart, as ${kind}`.slice(0, 500) }));
  merged.cachedInput ??= copy(merged.input, 'input');
  merged.cacheWrite ??= copy(merged.input, 'input');
  if (merged.output !== undefined) merged.reasoning = copy(merged.output, 'output');
  return merged;
}

/** Rows of a tier whose list names only input and output: every kind moves by the factor of its side, rounded up to a pico. */
function tierRows(model, merged, tier, list) {
  const factor = (meter) => (meter === 'output' || meter === 'reasoning' ? 'out' : 'in');
  const at = { in: 0, out: 1 };
  const [input, output] = [list.in, list.out].map((price) => perOne(price, model));
  const tiered = list[tier].map((price) => perOne(price, model));
  return ORDER.filter((meter) => merged[meter] !== undefined && meter !== 'webSearch').flatMap((meter) =>
    merged[meter].map((band) => {
      const side = factor(meter);
      const by = side === 'in' ? input : output;
      const pico = (band.pico * tiered[at[side]] + by - 1n) / by;
      return row({
        model,
        meter,
        tier,
        band: { ...band, pico, source: `${LITELLM.name} ${tier}; base ${band.source}`.slice(0, 500) },
      });
    }),
  );
}

function row({ model, meter, tier, band }) {
  const digits = band.pico.toString().padStart(13, '0');
  return {
    model,
    meter,
    ...(tier === undefined ? {} : { tier }),
    ...(band.from === 0 ? {} : { contextFrom: band.from }),
    currency: 'USD',
    amount: `${digits.slice(0, -12)}.${digits.slice(-12)}`,
    effectiveFrom: EFFECTIVE_FROM,
    confirmed: false,
    source: band.source,
    asOf: band.asOf,
  };
}

function listsOf(id, names, check) {
  const lists = [];
  const genai = calcPrice({ input_tokens: 1, output_tokens: 1 }, id, { providerId: names.genai })?.model;
  if (genai !== undefined) lists.push({ source: GENAI, prices: fromGenai(genai) });
  const listed = check?.models_dev[names.modelsDev]?.models[id];
  if (listed !== undefined) lists.push({ source: MODELS_DEV, prices: fromModelsDev(id, listed) });
  const third = check?.litellm[id];
  if (third !== undefined && third.prov === names.litellm)
    lists.push({ source: LITELLM, prices: fromLitellm(id, third) });
  return lists;
}

/** Ids as the vendor's API takes them: from the lists that have ids; without those, the families of the package. */
function idsOf(names, check) {
  const families = (findProvider({ providerId: names.genai })?.models ?? []).filter(
    ({ deprecated }) => deprecated !== true,
  );
  const ids = new Set(families.map(({ id }) => id));
  for (const id of Object.keys(check?.models_dev[names.modelsDev]?.models ?? {})) ids.add(id);
  for (const [id, { prov }] of Object.entries(check?.litellm ?? {})) if (prov === names.litellm) ids.add(id);
  return [...ids].filter((id) => !NOT_CHAT.test(id)).sort();
}

function vendorRows(names, check) {
  const rows = [];
  for (const model of idsOf(names, check)) {
    const lists = listsOf(model, names, check).filter(({ prices }) => prices.input !== undefined);
    // A price of nothing for everything is a promotion or a gap of the list, not a price.
    const paid = lists.some(({ prices }) => Object.values(prices).some((bands) => bands.some(({ pico }) => pico > 0n)));
    if (!paid) continue;
    const merged = merge(lists);
    for (const meter of ORDER) for (const band of merged[meter] ?? []) rows.push(row({ model, meter, band }));
    const list = check?.litellm[model];
    for (const tier of names.genai === 'openai' ? ['flex', 'priority'] : []) {
      if ([list?.in, list?.out, ...(list?.[tier] ?? [])].filter(Number.isFinite).length === 4)
        rows.push(...tierRows(model, merged, tier, list));
    }
  }
  return rows;
}

const checkFile = process.argv[2];
const check = checkFile === undefined ? undefined : JSON.parse(await readFile(checkFile, 'utf8'));
for (const [vendor, names] of Object.entries(VENDORS)) {
  const rows = vendorRows(names, check);
  const lines = rows.map((one) => `    ${JSON.stringify(one)}`).join(',\n');
  await writeFile(path.join(OUT, `${vendor}.json`), `{\n  "vendor": "${vendor}",\n  "prices": [\n${lines}\n  ]\n}\n`);
  process.stdout.write(`${vendor}: ${rows.length} prices of ${new Set(rows.map(({ model }) => model)).size} models\n`);
}
