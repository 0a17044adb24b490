import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { behaviours } from './cases/behaviours.mjs';
import { responses } from './cases/responses.mjs';
import { hostsOf, pairs } from './support/fake-host.mjs';

const { serve } = hostsOf(after);
const source = (name) => readFileSync(join(import.meta.dirname, 'cases', name), 'utf8');

const told = (error) => ({ error: `${error.name}: ${error.message.replace('_Response', 'Response')}` });

// Nobody but the platform says this; the native message is in it.
const asThrown = (text) => ({ error: `TypeError: ${text.slice(text.indexOf('Original error: ') + 16)}` });

async function expectedOf(make) {
  try {
    const response = make();
    return { status: response.status, headers: [...response.headers], body: Buffer.from(await response.arrayBuffer()).toString('latin1') };
  } catch (error) {
    return told(error);
  }
}

async function actualOf(host, name) {
  const { response, body, ended } = await host.call({ url: `http://localhost/?${encodeURIComponent(name)}` });
  if (ended.outcome !== 'OUTCOME_COMPLETED') return { error: `${ended.error.type}: ${ended.error.message}` };
  if (body?.includes('Original error: ')) return asThrown(body.toString());
  return { status: response.status, headers: pairs(response.headers), body: body.toString('latin1') };
}

test(`${Object.keys(responses).length} kinds of Response go out as the native class has them`, async (t) => {
  const host = await serve({
    'hello.mjs': `import { responses } from './responses.mjs';
      export default async (req) => responses[decodeURIComponent(new URL(req.url).search.slice(1))]();`,
    'responses.mjs': source('responses.mjs'),
  });
  for (const [name, make] of Object.entries(responses)) {
    await t.test(name, async () => {
      assert.deepEqual(await actualOf(host, name), await expectedOf(make));
    });
  }
});

const placeholder = 'http://localhost:8888/path?query=1';

// Of the year 1970, as its id says.
const requestId = (id) => `0000000000-${id}`;
const platformHeaders = (id) => [['x-nf-request-id', requestId(id)], ['x-nf-client-connection-ip', '10.1.2.3'], ['x-nf-request-start', '0'], ['x-nf-site-id', 'site-1'], ['x-nf-account-id', 'account-1'],
  ['x-nf-deploy-id', 'deploy-1'], ['x-nf-deploy-context', 'production'], ['x-nf-deploy-published', '1'], ['cdn-loop', 'sandboxhost; site=site-1']];

const nativeRequest = (id, { url = placeholder, method = 'GET', headers = [], body }) =>
  new Request(url, { method, headers: [...headers, ...platformHeaders(id)], body: body === undefined ? undefined : new TextEncoder().encode(body) });

test(`${Object.keys(behaviours).length} questions about the fetch API are answered as by the native classes`, async (t) => {
  // Requests without a question are kept, and are what the next question is asked about.
  const host = await serve({
    'hello.mjs': `import { behaviours } from './behaviours.mjs';
      const kept = [];
      export default async (req) => {
        const question = req.headers.get('x-question');
        if (!question) { await new Promise((resolve) => kept.push({ req, resolve })); return; }
        const requests = kept.splice(0);
        let next = 0;
        try { return Response.json((await behaviours[decodeURIComponent(question)]({ request: () => requests[next++].req })) ?? null); }
        catch (error) { return new Response(String(error.stack), { status: 500 }); }
        finally { requests.forEach(({ resolve }) => resolve()); }
      };`,
    'behaviours.mjs': source('behaviours.mjs'),
  });
  for (const [name, ask] of Object.entries(behaviours)) {
    await t.test(name, async () => {
      const wanted = [];
      const expected = await ask({ request: (init) => nativeRequest(host.lastId + wanted.push(init), init) });
      for (const { url = placeholder, method = 'GET', headers = [], body } of wanted) {
        host.invoke({ requestId: requestId(host.lastId + 1), url, method, headers: headers.flat(), bodyKind: body === undefined ? undefined : 'BODY_KIND_COMPLETE', body });
      }

      const { response, text } = await host.call({ headers: ['x-question', encodeURIComponent(name)] });

      assert.equal(response.status, 200, text);
      assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(expected ?? null)));
    });
  }
});
