import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { hostsOf } from './support/fake-host.mjs';

const { serve, start } = hostsOf(after);

const loadErrorOf = async (files, specialise = {}) => {
  const host = await start(files);
  host.specialise({ entry: Object.keys(files)[0] ?? 'hello.mjs', ...specialise });
  return (await host.frame('specialised')).loadError;
};

for (const [name, files] of [
  ['a default function', { 'hello.mjs': `export default () => new Response('found')` }],
  ['an object with fetch', { 'hello.mjs': `export default { fetch: () => new Response('found') }` }],
  ['an object with fetch, called unbound', { 'hello.mjs': `export default { fetch() { return new Response(this === undefined ? 'found' : 'bound'); } }` }],
  ['a class instance with fetch', { 'hello.mjs': `class App { fetch = () => new Response('found') } export default new App()` }],
  ['a function that has a fetch member', { 'hello.mjs': `export default Object.assign(() => new Response('found'), { fetch: 1 })` }],
  ['CommonJS exports', { 'hello.cjs': `module.exports = () => new Response('found')` }],
  ['CommonJS compiled from a module', { 'hello.cjs': `Object.defineProperty(exports, '__esModule', { value: true }); exports.default = () => new Response('found')` }],
  ['a module in a folder', { 'deep/er/hello.mjs': `import { text } from './text.mjs'; export default () => new Response(text)`, 'deep/er/text.mjs': `export const text = 'found'` }],
  ['top-level await', { 'hello.mjs': `const text = await Promise.resolve('found'); export default () => new Response(text)` }],
  ['TypeScript, as Node understands it', { 'hello.ts': `export default (request: Request): Response => new Response('found' satisfies string)` }],
  ['a name with spaces and a hash', { 'my #1 function.mjs': `export default () => new Response('found')` }],
]) {
  test(`the handler is found in ${name}`, async () => {
    const host = await serve(files);

    assert.equal((await host.call()).text, 'found');
  });
}

test('a module without a function to call is a load error that says so', async () => {
  for (const source of ['', 'export default 1', 'export default {}', 'export default null', `export const handler = 1`]) {
    const { type, message } = await loadErrorOf({ 'hello.mjs': source });

    assert.equal(type, 'Runtime.HandlerNotFound');
    assert.match(message, /^hello\.mjs exports no function/);
  }
});

test('what a module throws while loading is told with its trace', async () => {
  const { type, message, trace } = await loadErrorOf({ 'hello.mjs': `\n\nthrow new RangeError('not today')` });

  assert.deepEqual([type, message], ['RangeError', 'not today']);
  assert.match(trace[0], /hello\.mjs:3:7/);
});

test('a module that is missing, does not parse or imports what is missing is a load error', async () => {
  assert.match((await loadErrorOf({})).message, /Cannot find module/);
  assert.equal((await loadErrorOf({ 'hello.mjs': 'export default (' })).type, 'SyntaxError');
  assert.match((await loadErrorOf({ 'hello.mjs': `import 'no-such-package'; export default () => {}` })).message, /no-such-package/);
});

test('a module that throws nothing at all is a load error as well', async () => {
  assert.equal((await loadErrorOf({ 'hello.mjs': `throw undefined` })).type, 'undefined');
});

test('traces are source-mapped', async () => {
  const map = JSON.stringify({ version: 3, sources: ['original.ts'], names: [], mappings: 'AAAA;AACA;AAIA' });
  const host = await serve({ 'hello.mjs': `export default () => {\n\nthrow new Error('mapped'); }\n//# sourceMappingURL=hello.mjs.map`, 'hello.mjs.map': map });

  const { ended } = await host.call();

  assert.match(ended.error.trace[0], /original\.ts:6:/);
});

test('traces of a bundle are mapped by the map that lies beside it, though the bundle does not name it', async () => {
  const map = JSON.stringify({ version: 3, sources: ['original.ts'], names: [], mappings: 'AAAA;AACA;AAIA' });
  const host = await serve({
    'hello #1.mjs': `\n\nexport default () => Response.json([1, 2].map(() => new Error('mapped').stack.split('\\n')[1]).concat(typeof Error.prepareStackTrace))`,
    'hello #1.mjs.map': map,
  });

  const [first, second, preparer] = JSON.parse((await host.call()).text);

  assert.match(first, /original\.ts:6:/);
  assert.match(second, /original\.ts:6:/);
  assert.equal(preparer, 'function');
});

test('what a bundle throws while it loads is mapped, too', async () => {
  const map = JSON.stringify({ version: 3, sources: ['original.ts'], names: [], mappings: 'AAAA;AACA;AAIA' });

  const { trace } = await loadErrorOf({ 'hello.mjs': `\n\nthrow new RangeError('not today')`, 'hello.mjs.map': map });

  assert.match(trace[0], /original\.ts:6:/);
});

test('a function that makes stacks itself gets them as they are', async () => {
  const map = JSON.stringify({ version: 3, sources: ['original.ts'], names: [], mappings: 'AAAA;AACA;AAIA' });
  const host = await serve({ 'hello.mjs': `export default () => { const kept = Error.prepareStackTrace; Error.prepareStackTrace = (error, sites) => sites[0].getLineNumber();
    const line = new Error().stack; Error.prepareStackTrace = kept; return Response.json([line, new Error('mapped').stack.includes('original.ts')]); }`, 'hello.mjs.map': map });

  assert.equal((await host.call()).text, '[2,true]');
});

test('the process environment is exactly the function\'s, the sandbox\'s and the way out', async () => {
  const host = await serve(`export default () => Response.json({ env: process.env, cwd: process.cwd(), entry: process.argv[1] })`,
    { environment: ['A', '1', 'HTTP_PROXY', 'http://elsewhere/', 'HOME', '/mine'] },
    { environment: { OTHER: 'x', HTTP_PROXY: 'http://127.0.0.1:9', NO_PROXY: 'localhost', NODE_USE_ENV_PROXY: '0' } });

  const { env, cwd, entry } = JSON.parse((await host.call()).text);

  assert.deepEqual(Object.keys(env).sort(), ['A', 'HOME', 'HTTP_PROXY', 'LANG', 'NO_PROXY', 'PATH', 'TMPDIR']);
  assert.equal(env.HTTP_PROXY, 'http://127.0.0.1:9');
  assert.equal(env.HOME, '/mine');
  assert.match(cwd, /\/function$/);
  assert.equal(entry, 'hello.mjs');
});

test('the token is out of the environment before any other code runs', async () => {
  const host = await start({}, {});

  const { token, runtime, protocolVersion, runtimeVersion } = await host.frame('hello');

  assert.deepEqual([token, runtime, protocolVersion, runtimeVersion], ['a-token', 'node', 1, process.versions.node]);
});

test('fetch and http.request go through the proxy', async () => {
  const { createServer } = await import('node:http');
  const asked = [];
  const proxy = createServer((request, response) => {
    asked.push(request.url);
    response.end('proxied');
  });
  // fetch tunnels, also for plain http: the proxy plays the far end.
  proxy.on('connect', (request, socket) => {
    asked.push(request.url);
    socket.on('error', () => {});
    socket.write('HTTP/1.1 200 OK\r\n\r\n');
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 8\r\nconnection: close\r\n\r\ntunneled'));
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const host = await serve(`import http from 'node:http';
    export default async () => Response.json([
      await (await fetch('http://far.example/a')).text(),
      await new Promise((resolve, reject) => http.get('http://far.example/b', async (message) => { let text = ''; for await (const chunk of message) text += chunk; resolve(text); }).on('error', reject)),
    ])`, {}, { environment: { HTTP_PROXY: `http://127.0.0.1:${proxy.address().port}` } });

  const { text } = await host.call();

  assert.match(text, /^\["(proxied|tunneled)","proxied"\]$/);
  assert.equal(asked.length, 2);
  proxy.close();
  proxy.closeAllConnections();
});

test('a warm worker serves like one that was not warmed', async () => {
  const host = await start({ 'hello.mjs': `export default async (req, context) => Response.json([req.method, context.params, Object.keys(process.env).includes('TMPDIR')])` });
  host.send({ warm: {} });
  await host.frame('warmed');
  const { readdirSync } = await import('node:fs');
  assert.deepEqual(readdirSync(host.directory).sort(), ['function', 'host.sock']);

  host.specialise();
  await host.frame('specialised');
  const { text } = await host.call({ route: 0 });

  assert.equal(text, '["GET",{"name":"world"},true]');
  assert.deepEqual(host.frames.filter((frame) => frame.log), []);
});
