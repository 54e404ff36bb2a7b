/**
 * `bare-json`: the reference of every budget. node:http and undici, no logic, but it does what any gateway must: parse the
 * request, serialise it again, read the usage of the answer; of a stream, parse and serialise each event.
 * node bench/reference-proxy.mjs UPSTREAM_PORT  (prints its port)
 */
import http from 'node:http';

import { Pool } from 'undici';

const pool = new Pool(`http://127.0.0.1:${process.argv[2]}`, { connections: 256, pipelining: 1 });
let tokens = 0;

async function forward(request, response) {
  const parts = [];
  for await (const part of request) parts.push(part);
  const call = JSON.parse(Buffer.concat(parts).toString('utf8'));
  const body = JSON.stringify(call);
  const answer = await pool.request({
    path: request.url,
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer bench' },
    body,
  });
  if (call.stream !== true) {
    const value = await answer.body.json();
    tokens += value.usage.total_tokens;
    const text = JSON.stringify(value);
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
    response.end(text);
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  let rest = '';
  for await (const part of answer.body) {
    rest += part.toString('utf8');
    let end;
    while ((end = rest.indexOf('\n\n')) >= 0) {
      const data = rest.slice(6, end);
      rest = rest.slice(end + 2);
      if (data === '[DONE]') {
        response.write('data: [DONE]\n\n');
        continue;
      }
      const chunk = JSON.parse(data);
      if (chunk.usage) tokens += chunk.usage.total_tokens;
      response.write(`data: ${JSON.stringify(chunk)}\n\n`);
    }
  }
  response.end();
}

const server = http.createServer((request, response) => {
  forward(request, response).catch(() => response.destroy());
});
server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
