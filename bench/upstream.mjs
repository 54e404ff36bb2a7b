/**
 * A partner that costs next to nothing: fixed answers from memory, on 127.0.0.1.
 * stream:true gives server-sent events: `chunks` deltas, finish, usage, [DONE]; otherwise one JSON body with the same text.
 * node bench/upstream.mjs CHUNKS TEXT_BYTES  (prints its port)
 */
import http from 'node:http';

const chunks = Number(process.argv[2] ?? 4);
const textBytes = Number(process.argv[3] ?? 1024);
const usage = { prompt_tokens: 200, completion_tokens: 250, total_tokens: 450 };
const base = { id: 'chatcmpl-bench', created: 1764000000, model: 'bench-1' };
const piece = 'x'.repeat(Math.max(1, Math.floor(textBytes / chunks)));

const event = (value) => `data: ${JSON.stringify(value)}\n\n`;
const chunk = (delta, finish) => ({
  ...base,
  object: 'chat.completion.chunk',
  choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
});
const events = [
  event(chunk({ role: 'assistant', content: '' }, null)),
  ...Array.from({ length: chunks }, () => event(chunk({ content: piece }, null))),
  event(chunk({}, 'stop')),
  event({ ...base, object: 'chat.completion.chunk', choices: [], usage }),
  'data: [DONE]\n\n',
].map((text) => Buffer.from(text));
const whole = Buffer.concat(events);
const json = Buffer.from(
  JSON.stringify({
    ...base,
    object: 'chat.completion',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: piece.repeat(chunks), refusal: null },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage,
  }),
);
/** Streams of a benchmark of chunks go out event by event, so that each is read by itself. */
const oneByOne = chunks >= 50;

const server = http.createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    if (!Buffer.concat(parts).includes('"stream":true')) {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': json.length });
      response.end(json);
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    if (!oneByOne) {
      response.end(whole);
      return;
    }
    let index = 0;
    const next = () => {
      if (index === events.length) {
        response.end();
        return;
      }
      response.write(events[index]);
      index += 1;
      setImmediate(next);
    };
    next();
  });
});
server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
