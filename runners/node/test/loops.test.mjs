import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { hostsOf } from './support/fake-host.mjs';

const { serve } = hostsOf(after);

test('what a function sends says where it has been', async () => {
  const server = createServer((request, response) => response.end(JSON.stringify(request.headersDistinct['cdn-loop'] ?? []))).listen(0, '127.0.0.1');
  after(() => server.close());
  await once(server, 'listening');
  const target = `http://127.0.0.1:${server.address().port}/`;
  const host = await serve(`import http, { get } from 'node:http';
    const read = (request) => new Promise((resolve, reject) => request.on('error', reject).on('response', async (response) => resolve(JSON.parse(await new Response(response).text()))).end());
    const outside = await (await fetch('${target}')).json();
    export default async (req) => Response.json([
      outside, await (await fetch('${target}')).json(), await read(http.request('${target}')), await read(get('${target}')),
      await (await fetch('${target}', { headers: req.headers })).json(), await (await fetch('${target}', { headers: { 'CDN-Loop': 'mine' } })).json(), req.headers.get('cdn-loop'),
    ])`);

  const first = JSON.parse((await host.call()).text);
  const next = JSON.parse((await host.call({ headers: ['cdn-loop', 'other', 'cdn-loop', 'netlify; a=b'] })).text);

  const own = 'sandboxhost; site=site-1';
  assert.deepEqual(first, [[], [own], [own], [own], [own], ['mine', own], own]);
  const both = `other, netlify; a=b, ${own}`;
  assert.deepEqual(next, [[], [both], [both], [both], [both], ['mine', both], both]);
});
