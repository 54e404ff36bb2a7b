/**
 * The partners of the failover benchmark, on 127.0.0.1: a healthy one, and one per fault on a port of its own. Both sides see every
 * request, so what a fault costs is known from the outside: when it was visible on the socket (or a timer of the gateway was due),
 * and when the next attempt arrived.
 * node bench/failover-upstream.mjs  (prints its ports as JSON)
 */
import http from 'node:http';
import net from 'node:net';

const usage = { prompt_tokens: 12, completion_tokens: 5, total_tokens: 17 };
const base = { id: 'chatcmpl-bench', object: 'chat.completion.chunk', created: 1764000000, model: 'bench-1' };
const event = (value) => `data: ${JSON.stringify(value)}\n\n`;
const chunk = (delta, finish) =>
  event({ ...base, choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }] });
const ROLE = chunk({ role: 'assistant', content: '' }, null);
const WORD = chunk({ content: 'Hello ' }, null);
const GOOD = [
  ROLE,
  WORD,
  chunk({ content: 'there.' }, null),
  chunk({}, 'stop'),
  event({ ...base, choices: [], usage }),
  'data: [DONE]\n\n',
].join('');
const HUGE = chunk({ content: 'x'.repeat(1_200_000) }, null);

/** Faults shown, by request: milliseconds of this process's clock. */
let shown = new Map();
let arrived = new Map();
let met = 0;

const now = () => performance.now();
const idOf = (request) => String(request.headers['x-request-id'] ?? '').split('/')[0];

function stream(response, text) {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  if (text) response.write(text);
}

/** `timer`: which limit of the gateway notices the fault; then the time of arrival (or of the last progress) counts. */
const FAULTS = {
  reset: (_request, response) => response.socket.resetAndDestroy(),
  http500: (_request, response) => status(response, 500, { error: { message: 'boom', type: 'server_error' } }),
  http503: (_request, response) => status(response, 503, { error: { message: 'busy' } }),
  http429: (_request, response) =>
    status(response, 429, { error: { message: 'slow down', code: 'rate_limit_exceeded' } }),
  'error-in-200': (_request, response) => {
    stream(response);
    response.end('data: {"error":{"message":"boom","type":"server_error"}}\n\n');
  },
  malformed: (_request, response) => {
    stream(response, ROLE);
    response.end('data: {"id":"chatcmpl-bench","choices":[{"index":0,"del\n\n');
  },
  'cut:before': (_request, response, show) => {
    stream(response, ROLE);
    setTimeout(() => {
      show();
      response.socket.resetAndDestroy();
    }, 5);
    return false;
  },
  huge: (_request, response) => {
    stream(response);
    response.end(HUGE);
  },
  hang: () => undefined,
  'stall:before': (_request, response) => stream(response, ROLE),
  'cut:after': (_request, response, show) => {
    stream(response, ROLE + WORD);
    setTimeout(() => {
      show();
      response.socket.resetAndDestroy();
    }, 20);
    return false;
  },
  'stall:after': (_request, response) => stream(response, ROLE + WORD),
  drip: (_request, response) => {
    stream(response, ROLE + WORD);
    const timer = setInterval(() => response.write(chunk({ content: 'x' }, null)), 1_000);
    response.on('close', () => clearInterval(timer));
  },
};

function status(response, code, body) {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function listen(server) {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));
}

function partner(answer) {
  const server = http.createServer((request, response) => {
    request.resume();
    // Probes ask for the models: they say nothing about the faults of answers.
    if (request.method === 'GET') status(response, 200, { object: 'list', data: [] });
    else request.on('end', () => answer(request, response));
  });
  server.keepAliveTimeout = 120_000;
  return listen(server);
}

const faulty = (fault) =>
  partner((request, response) => {
    met += 1;
    const show = () => shown.set(idOf(request), now());
    if (FAULTS[fault](request, response, show) !== false) show();
  });

const ports = {};
for (const fault of Object.keys(FAULTS)) ports[fault] = await faulty(fault);
ports['reset:connect'] = await listen(
  net.createServer((socket) => {
    met += 1;
    socket.on('error', () => undefined);
    socket.resetAndDestroy();
  }),
);
ports.tls = await listen(
  net.createServer((socket) => {
    met += 1;
    socket.on('error', () => undefined);
    socket.end('this is no TLS\r\n');
  }),
);
// A port that was free a moment ago: nobody listens there.
const closed = net.createServer();
ports.refused = await listen(closed);
await new Promise((resolve) => closed.close(resolve));
ports.healthy = await partner((request, response) => {
  const id = idOf(request);
  if (!arrived.has(id)) arrived.set(id, now());
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.end(GOOD);
});

/** `GET /`: milliseconds from each fault to the next attempt, and how many requests met the fault; begins anew. */
const desk = http.createServer((_request, response) => {
  const lags = [...shown].flatMap(([id, at]) => (arrived.has(id) ? [arrived.get(id) - at] : []));
  const report = { lags, met };
  shown = new Map();
  arrived = new Map();
  met = 0;
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(report));
});
ports.desk = await listen(desk);
process.stdout.write(`${JSON.stringify(ports)}\n`);
