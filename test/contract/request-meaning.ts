import type { Dialect } from '../../src/providers/adapters/adapter.js';

type Json = Readonly<Record<string, unknown>>;

/** What a request asks for, without its wording and without what every language writes in its own way. Members that are not asked
 *  for are absent. */
export type Meaning = Readonly<Record<string, unknown>>;

const at = (value: unknown, ...path: readonly (string | number)[]): unknown =>
  path.reduce<unknown>((found, key) => (found as Json | undefined)?.[key], value ?? undefined);
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as readonly unknown[]) : []);

/** Schemas as they differ in nothing but spelling: types in lower case, members in order, without what one language adds. */
function schemaOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(schemaOf);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value)
    .filter(([name]) => name !== 'additionalProperties' && name !== '$schema' && name !== 'strict')
    .map(
      ([name, one]) => [name, name === 'type' && typeof one === 'string' ? one.toLowerCase() : schemaOf(one)] as const,
    );
  return Object.fromEntries(entries.sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** Without members that are absent. */
const given = (members: Json): Meaning =>
  Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0)),
  );

/** Kinds of parts per turn: neighbouring texts are one. */
function kinds(parts: readonly unknown[], kindOf: (part: unknown) => string): readonly string[] {
  return parts.map(kindOf).filter((kind, index, all) => kind !== 'text' || all[index - 1] !== 'text');
}

function anthropic(body: Json): Meaning {
  const kindOf = (part: unknown): string => String(at(part, 'type'));
  const choice = at(body, 'tool_choice');
  return given({
    system: list(at(body, 'system')).length > 0 || typeof at(body, 'system') === 'string' ? true : undefined,
    turns: list(body['messages']).map((message) => {
      const content = at(message, 'content');
      return [at(message, 'role'), typeof content === 'string' ? ['text'] : kinds(list(content), kindOf)];
    }),
    tools: list(body['tools']).map((tool) => [
      at(tool, 'name'),
      at(tool, 'description'),
      schemaOf(at(tool, 'input_schema')),
    ]),
    choice: at(choice, 'type') === 'auto' ? undefined : (at(choice, 'name') ?? at(choice, 'type')),
    isSerial: at(choice, 'disable_parallel_tool_use'),
    temperature: body['temperature'],
    topP: body['top_p'],
    stop: body['stop_sequences'],
    bound: body['max_tokens'],
    format: schemaOf(at(body, 'output_config', 'format', 'schema')),
    effort: at(body, 'output_config', 'effort'),
    thinking: at(body, 'thinking', 'type'),
  });
}

function gemini(body: Json): Meaning {
  const kindOf = (part: unknown): string =>
    ['functionCall', 'functionResponse', 'inlineData', 'fileData'].find((name) => at(part, name) !== undefined) ??
    'text';
  const config = at(body, 'generationConfig');
  const calling = at(body, 'toolConfig', 'functionCallingConfig');
  return given({
    system: at(body, 'systemInstruction') === undefined ? undefined : true,
    turns: list(body['contents']).map((turn) => [at(turn, 'role'), kinds(list(at(turn, 'parts')), kindOf)]),
    tools: list(body['tools'])
      .flatMap((tool) => list(at(tool, 'functionDeclarations')))
      .map((tool) => {
        const parameters = at(tool, 'parametersJsonSchema') ?? at(tool, 'parameters');
        return [at(tool, 'name'), at(tool, 'description'), schemaOf(parameters)];
      }),
    mode: at(calling, 'mode') === 'AUTO' ? undefined : at(calling, 'mode'),
    allowed: at(calling, 'allowedFunctionNames'),
    temperature: at(config, 'temperature'),
    topP: at(config, 'topP'),
    stop: at(config, 'stopSequences'),
    seed: at(config, 'seed'),
    type: at(config, 'responseMimeType'),
    format: schemaOf(at(config, 'responseJsonSchema') ?? at(config, 'responseSchema')),
    thinks: at(config, 'thinkingConfig') === undefined ? undefined : true,
  });
}

function bedrock(body: Json): Meaning {
  const kindOf = (part: unknown): string => Object.keys(part as object)[0] ?? '';
  return given({
    system: list(body['system']).length > 0 ? true : undefined,
    turns: list(body['messages']).map((message) => [at(message, 'role'), kinds(list(at(message, 'content')), kindOf)]),
    tools: list(at(body, 'toolConfig', 'tools')).map((tool) => [
      at(tool, 'toolSpec', 'name'),
      schemaOf(at(tool, 'toolSpec', 'inputSchema', 'json')),
    ]),
    temperature: at(body, 'inferenceConfig', 'temperature'),
    topP: at(body, 'inferenceConfig', 'topP'),
    stop: at(body, 'inferenceConfig', 'stopSequences'),
  });
}

const READERS: Readonly<Partial<Record<Dialect, (body: Json) => Meaning>>> = { anthropic, gemini, bedrock };

/** What a request in a vendor's language asks for. The output bound counts only where that language demands one. */
export function meaningOf(dialect: Dialect, body: Json): Meaning {
  return READERS[dialect]?.(body) ?? {};
}
