import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { FakeHost, hostsOf } from './support/fake-host.mjs';

const { serve } = hostsOf(after);

const geo = JSON.stringify({ city: 'Wien', country: { code: 'AT', name: 'Austria' }, postal_code: '1010' });
const deploy = { id: 'deploy-1', context: 'production', published: true, branch: 'main' };

test('the context has what the platform gives', async () => {
  const host = await serve(`export default (req, context) => Response.json(context)`, { geo, deploy });

  const { text } = await host.call({ route: 0, url: 'http://localhost:8888/hello/bo%20o?x=1' });

  assert.deepEqual(JSON.parse(text), {
    account: { id: 'account-1' }, deploy: { branch: 'main', context: 'production', id: 'deploy-1', published: true },
    geo: { city: 'Wien', country: { code: 'AT', name: 'Austria' }, postalCode: '1010' }, ip: '10.1.2.3', params: { name: 'bo%20o' }, path: '/hello/:name',
    requestId: 'request-1', server: { region: 'dev' }, site: { id: 'site-1', name: 'my-site', url: 'https://my-site.example' }, url: 'http://localhost:8888/hello/bo%20o?x=1',
  });
});

test('the place of the clients is a header, too, and a function that changes its copy changes no other', async () => {
  const host = await serve(`export default (req, context) => {
    const before = context.geo.city; context.geo.city = 'changed';
    return Response.json([atob(req.headers.get('x-nf-geo')), before, context.geo.city, req.headers.get('x-nf-branch')]); }`, { geo, deploy });

  await host.call();
  const { text } = await host.call();

  assert.deepEqual(JSON.parse(text), [geo, 'Wien', 'changed', 'main']);
});

test('the context can be spread, listed, extended and compared like the plain object that it is on the platform', async () => {
  const host = await serve(`export default (req, context) => {
    context.added = 1; context.ip = '::';
    const copy = { ...context };
    return copy.json([Object.keys(context).sort(), copy.requestId, copy.added, copy.ip, 'geo' in context, 'nothing' in context, context === Netlify.context, Object.hasOwn(context, 'site')]); }`);

  const { text } = await host.call();

  assert.deepEqual(JSON.parse(text), [
    ['account', 'added', 'cookies', 'deploy', 'flags', 'geo', 'ip', 'json', 'log', 'next', 'params', 'path', 'requestId', 'rewrite', 'server', 'site', 'url', 'waitUntil'],
    'request-1', 1, '::', true, false, true, true,
  ]);
});

test('a context that is printed shows what is in it', async () => {
  const host = await serve(`export default (req, context) => { console.log(context); }`);

  const { logs } = await host.call();

  assert.match(logs[0].text, /requestId: 'request-1'/);
  assert.match(logs[0].text, /site: \{ id: 'site-1'/);
});

test('flags know nothing, caches keep nothing, there is no identity service', async () => {
  const host = await serve(`export default async (req, context) => {
    const cache = await caches.open('a'); await cache.put('http://localhost/x', new Response('x'));
    return Response.json([context.flags.get('any') ?? null, context.flags.evaluations.size, await cache.match('http://localhost/x') ?? null, await caches.keys(),
      await cache.delete('http://localhost/x'), netlifyIdentityContext, typeof URLPattern]); }`);

  assert.equal((await host.call()).text, '[null,0,null,["a"],true,null,"function"]');
});

test('params are the groups of the route that matched', async () => {
  const routes = ['/hello/:a/*', '/a/*', '/Pets/:name', '/o/:x?', '/i/:id(\\d+)', '/*', '/((broken'];
  const host = await serve(`export default (req, { params, path }) => Response.json([path, params])`, { routes });
  for (const [route, path, params] of [
    [0, '/hello/one/two/three', { a: 'one', 0: 'two/three' }], [1, '/a/', { 0: '' }], [1, '/a/b/', { 0: 'b' }], [2, '/pets/x', {}], [2, '/Pets/x/?q=1', { name: 'x' }],
    [3, '/o', {}], [3, '/o/%C3%A9', { x: '%C3%A9' }], [4, '/i/12', { id: '12' }], [5, '/', { 0: '' }], [6, '/x', {}], [-1, '/.netlify/functions/hello', {}],
  ]) {
    const { text } = await host.call({ route, url: `http://localhost${path}` });

    assert.deepEqual(JSON.parse(text), [routes[route] ?? '/.netlify/functions/hello', params], path);
  }
});

test('json, log, next and rewrite do what they say, also when taken out of the context', async () => {
  const host = await serve(`export default async (req, { json, log, next, rewrite }) => {
    log('logged');
    let error; try { next(); } catch (thrown) { error = thrown.message; }
    return json({ error, rewritten: await (await rewrite('data:text/plain,there')).text() }, { status: 201 }); }`);

  const { response, text, logs } = await host.call();

  assert.equal(response.status, 201);
  assert.deepEqual(JSON.parse(text), { error: '`context.next` is not implemented for serverless functions', rewritten: 'there' });
  assert.equal(logs[0].text, 'logged');
});

test('cookies are read from the request and set on the response', async () => {
  const host = await serve(`export default (req, { cookies: { get, set, delete: remove } }) => {
    set('a', 'b'); set({ name: 'c', value: 'd', path: '/x', maxAge: 5, httpOnly: true, secure: true, sameSite: 'Lax', domain: 'a.example', expires: new Date(0), unparsed: ['Partitioned'] });
    set('__Host-h', 'v'); remove('gone'); remove({ name: 'too', path: '/p', domain: 'a.example' });
    const errors = [['x', 1], ['b ad', 'v'], ['x', 'a;b'], [{ name: 'x', value: 'v', path: 'a;b' }], [{ name: 'x', value: 'v', domain: 'a b' }], [{ name: 'x', value: 'v', maxAge: -1 }], [{ name: 'x', value: 'v', unparsed: ['a\\r\\nb'] }]]
      .map((args) => { try { set(...args); return 'no error'; } catch (error) { return error.name; } });
    let message; try { set('x', 5); } catch (error) { message = error.message; }
    return Response.json([get('one'), get('two'), get('none'), errors, message], { headers: { 'set-cookie': 'own=1' } }); }`);

  const { text, headers } = await host.call({ headers: ['cookie', 'one=a=b; two="q"'] });

  assert.deepEqual(JSON.parse(text), ['a=b', '"q"', null, Array(7).fill('TypeError'), "You must provide the cookie value as a string to 'cookies.set'"]);
  assert.deepEqual(headers.filter(([name]) => name === 'set-cookie').map(([, value]) => value), [
    'own=1', 'a=b', 'c=d; Secure; HttpOnly; Max-Age=5; Domain=a.example; SameSite=Lax; Path=/x; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Partitioned',
    '__Host-h=v; Secure; Path=/', 'gone=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT', 'too=; Domain=a.example; Path=/p; Expires=Thu, 01 Jan 1970 00:00:00 GMT',
  ]);
});

test('cookies set on no response at all go out with the 204', async () => {
  const host = await serve(`export default (req, context) => { context.cookies.set('a', 'b'); }`);

  const { response, headers } = await host.call();

  assert.equal(response.status, 204);
  assert.deepEqual(headers, [['set-cookie', 'a=b']]);
});

test('Netlify.context is the running invocation\'s and null outside, Netlify.env is the environment', async () => {
  const host = await serve(`const outside = Netlify.context;
    export default async (req, context) => {
      await new Promise(setImmediate);
      Netlify.env.set('NEW', '1'); Netlify.env.set('EMPTY', ''); const has = [Netlify.env.has('NEW'), Netlify.env.has('EMPTY'), Netlify.env.has('NONE')]; Netlify.env.delete('NEW');
      return Response.json([outside, Netlify.context === context, Netlify.env.get('GIVEN'), has, process.env.NEW ?? null, Netlify.env.toObject().GIVEN]); }`, { environment: ['GIVEN', 'g'] });

  assert.equal((await host.call()).text, '[null,true,"g",[true,false,false],null,"g"]');
});

test('getContext() of the unmodified @netlify/functions works', async () => {
  const host = await FakeHost.start({ 'hello.mjs': `import { getContext } from '@netlify/functions';
    let outside; try { getContext(); } catch (error) { outside = error.message; }
    export default async (req, context) => { await new Promise(setImmediate); return Response.json([getContext() === context, outside]); }` });
  for (const name of ['functions', 'types']) {
    cpSync(join(import.meta.dirname, '..', 'node_modules', '@netlify', name), join(host.directory, 'function', 'node_modules', '@netlify', name), { recursive: true });
  }
  host.specialise();
  assert.equal((await host.frame('specialised')).loadError, null);

  const { text } = await host.call();

  const [same, outside] = JSON.parse(text);
  assert.equal(same, true);
  assert.match(outside, /can only be called within a Netlify serverless function/);
  await host.stop();
});

test('a Response of another library is sent, and its header outside Latin-1 is refused', async () => {
  const host = await serve(`class Headers2 { constructor(list) { this.list = list; } get(name) { return this.list.find(([key]) => key === name)?.[1] ?? null; } forEach(call) { this.list.forEach(([name, value]) => call(value, name, this)); } raw() { return { 'set-cookie': ['a=1', 'b=2'] }; } }
    class Response { constructor(body, status, list) { Object.assign(this, { body, status, headers: new Headers2(list) }); } async arrayBuffer() { return new TextEncoder().encode(String(this.body)).buffer; } get [Symbol.toStringTag]() { return 'Response'; } }
    import { Readable } from 'node:stream'; import vm from 'node:vm';
    const kinds = {
      buffered: () => new Response('text', 201, [['X-A', 'b'], ['set-cookie', 'a=1, b=2']]), node: () => new Response(Readable.from([Buffer.from('node')]), 200, []),
      none: () => new Response(null, 204, []), unicode: () => new Response('x', 200, [['x-a', '→']]), status: () => new Response('x', 700, []), error: () => globalThis.Response.error(),
    };
    export default (req) => kinds[new URL(req.url).pathname.slice(1)]();`);
  const call = (kind) => host.call({ url: `http://localhost/${kind}` });

  const buffered = await call('buffered');
  assert.deepEqual([buffered.response.status, buffered.text, buffered.headers], [201, 'text', [['x-a', 'b'], ['set-cookie', 'a=1'], ['set-cookie', 'b=2']]]);
  const node = await call('node');
  assert.deepEqual([node.text, node.response.streaming], ['node', true]);
  assert.equal((await call('none')).response.status, 204);
  const unicode = await call('unicode');
  assert.deepEqual([unicode.response.status, unicode.headers], [500, [['content-type', 'text/plain; charset=utf-8']]]);
  assert.match(unicode.text, /^Response header contains a character that is not a Latin-1 character \(code point 0-255\)\./);
  assert.match((await call('status')).ended.error.message, /status 700/);
  assert.match((await call('error')).ended.error.message, /status 0/);
});

test('a header that the Response refuses itself is answered in the same words, and told in the log', async () => {
  const host = await serve(`export default () => new Response('', { headers: { 'x-a': '→' } })`);

  const { response, text, logs } = await host.call();

  assert.equal(response.status, 500);
  assert.match(text, /^Response header contains a character that is not a Latin-1 character \(code point 0-255\)\. Consider encoding the value using encodeURIComponent\(\) or base64\. Original error: .*greater than 255\.$/);
  assert.deepEqual(logs.map((log) => [log.level, log.text]), [['LEVEL_ERROR', text]]);
});

test('headers that HTTP does not take are the function\'s error, in every form', async () => {
  const many = `Object.fromEntries(Array.from({ length: 201 }, (_, index) => ['x-' + index, 'v']))`;
  const host = await serve(`const kinds = {
      control: () => new Response('x', { headers: new Headers({ 'x-a': 'a\\x01b' }) }), record: () => new Response('x', { headers: { 'x-a': '\\x7f' } }),
      stream: () => new Response(new ReadableStream(), { headers: { 'x-a': '\\x02' } }), many: () => new Response('x', { headers: ${many} }),
      foreign: () => ({ status: 200, body: null, headers: new Map([['x a', 'b']]), arrayBuffer() {} }), foreignControl: () => ({ status: 200, body: null, headers: new Map([['x-a', '\\n']]), arrayBuffer() {} }),
    };
    export default (req) => kinds[new URL(req.url).pathname.slice(1)]();`);
  for (const [kind, message] of [['control', /'x-a' holds a control/], ['record', /'x-a' holds a control/], ['stream', /'x-a' holds a control/], ['many', /202 headers; 200 are/],
    ['foreign', /x a/], ['foreignControl', /'x-a' holds a control/]]) {
    const { ended, response } = await host.call({ url: `http://localhost/${kind}` });

    assert.equal(response, undefined, kind);
    assert.match(ended.error.message, message);
  }
});

test('a response header with Latin-1 characters keeps its code points', async () => {
  const host = await serve(`export default () => new Response('', { headers: { 'x-a': 'J\\u00fcrgen \\u00ff' } })`);

  const { headers } = await host.call();

  assert.equal(new Map(headers).get('x-a'), 'J\u00fcrgen \u00ff');
});
