import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { hostsOf, within } from './support/fake-host.mjs';

const { serve } = hostsOf(after);

test('a function gets method, url, headers and body, and its Response goes out in one frame', async () => {
  const host = await serve(`export default async (req) => new Response(
    JSON.stringify([req.method, req.url, [...req.headers], await req.text()]), { status: 201, headers: { 'X-Answer': 'yes' } })`);

  const { response, text, headers } = await host.call({
    requestId: '01KAT0000012345', method: 'POST', url: 'http://example.com:8888/a/b?c=d', headers: ['cdn-loop', 'other', 'x-one', '1', 'x-two', '2', 'x-two', 'ü'.normalize()], body: 'héllo',
  });

  assert.equal(response.status, 201);
  assert.equal(response.ended, true);
  assert.deepEqual(headers, [['content-type', 'text/plain;charset=UTF-8'], ['x-answer', 'yes']]);
  const [method, url, seen, body] = JSON.parse(text);
  assert.equal(method, 'POST');
  assert.equal(url, 'http://example.com:8888/a/b?c=d');
  assert.equal(body, 'héllo');
  assert.deepEqual(seen, [
    ['cdn-loop', 'other, sandboxhost; site=site-1'], ['x-nf-account-id', 'account-1'], ['x-nf-client-connection-ip', '10.1.2.3'], ['x-nf-deploy-context', 'production'],
    ['x-nf-deploy-id', 'deploy-1'], ['x-nf-deploy-published', '1'], ['x-nf-request-id', '01KAT0000012345'], ['x-nf-request-start', String(Number.parseInt('1jaq00000', 32))], ['x-nf-site-id', 'site-1'],
    ['x-one', '1'], ['x-two', '2'],
  ]);
});

test('a request header that is not ASCII is left out with a warning', async () => {
  const host = await serve(`export default async (req) => Response.json(req.headers.get('x-name'))`);

  const { text, logs } = await host.call({ headers: ['x-name', 'J\u00fcrgen'] });

  assert.equal(text, 'null');
  assert.deepEqual(logs.map(({ level, text }) => [level, text]),
    [['LEVEL_WARN', "Discarded request header 'x-name' because it contains non-ASCII characters"]]);
});

test('undefined is answered with 204, and any other value that is no Response is an error', async () => {
  const host = await serve(`export default async (req) => { if (req.url.endsWith('undefined')) return; return 'text'; }`);

  const empty = await host.call({ url: 'http://localhost/undefined' });
  const text = await host.call({ url: 'http://localhost/text' });

  assert.equal(empty.response.status, 204);
  assert.equal(text.response, undefined);
  assert.equal(text.ended.outcome, 'OUTCOME_FUNCTION_ERROR');
  assert.equal(text.ended.error.message, "Function returned an unsupported value. Accepted types are 'Response' or 'undefined'");
});

test('whatever a function throws is told, and the worker lives on', async () => {
  const host = await serve(`
    const things = {
      undefined: () => undefined, null: () => null, string: () => 'oh', number: () => 42, symbol: () => Symbol('s'),
      error: () => new TypeError('wrong'), frozen: () => Object.freeze(new RangeError('cold')), object: () => ({ a: 1 }),
      getters: () => ({ get name() { throw 1; }, get message() { throw 2; }, get stack() { throw 3; } }),
      proxy: () => new Proxy({}, { get() { throw new Error('no'); }, has() { throw 1; }, getPrototypeOf() { throw 2; } }),
      realm: () => require('node:vm').runInNewContext("new SyntaxError('elsewhere')"),
      aggregate: () => new AggregateError([new Error('x')], 'many'),
      hugeMessage: () => new Error('x'.repeat(1e6)),
      badStack: () => Object.assign(new Error('m'), { stack: 17 }),
    };
    import { createRequire } from 'node:module';
    const require = createRequire(import.meta.url);
    export default (req) => { const [kind, how] = new URL(req.url).pathname.slice(1).split('/');
      if (how === 'later') return Promise.reject(things[kind]());
      throw things[kind](); }`);
  const expected = {
    undefined: ['undefined', 'undefined'], null: ['null', 'null'], string: ['string', 'oh'], number: ['number', '42'], symbol: ['symbol', 'Symbol(s)'],
    error: ['TypeError', 'wrong'], frozen: ['RangeError', 'cold'], object: ['Object', '{ a: 1 }'], getters: null, proxy: null,
    realm: ['SyntaxError', 'elsewhere'], aggregate: ['AggregateError', 'many'], hugeMessage: null, badStack: ['Error', 'm'],
  };
  for (const [kind, told] of Object.entries(expected)) {
    for (const how of ['now', 'later']) {
      const { ended } = await host.call({ url: `http://localhost/${kind}/${how}` });

      assert.equal(ended.outcome, 'OUTCOME_FUNCTION_ERROR', kind);
      if (told) assert.deepEqual([ended.error.type, ended.error.message], told);
    }
  }
  const { ended } = await host.call({ url: 'http://localhost/error/now' });
  assert.match(ended.error.trace[0], /^at .*hello\.mjs:/);
  assert.ok(ended.error.trace.every((line) => /hello\.mjs/.test(line)), ended.error.trace.join('\n'));
});

test('two hundred invocations run at once', async () => {
  const host = await serve(`
    const waiting = [];
    export default async (req) => {
      const number = await req.json();
      await new Promise((resolve) => { waiting.push(resolve); if (waiting.length === 200) waiting.forEach((wake) => wake()); });
      return Response.json({ number });
    }`);
  const calls = [];
  for (let number = 0; number < 200; number++) calls.push(host.call({ method: 'POST', body: `${number}`, acknowledge: number % 2 === 0 }));

  const answers = await Promise.all(calls);

  answers.forEach(({ text }, number) => assert.equal(text, `{"number":${number}}`));
  const accepted = host.frames.flatMap((frame) => frame.accepted?.ids ?? []);
  assert.equal(accepted.length, 100);
});

test('Accepted is sent before the function sees the call', async () => {
  const host = await serve(`import fs from 'node:fs'; export default () => { process.kill(process.pid, 'SIGKILL'); }`);

  const id = host.invoke({ acknowledge: true });

  const { ids } = await host.frame('accepted');
  assert.deepEqual(ids, [id]);
  assert.equal(await host.exited, 'SIGKILL');
});

test('Cancel aborts the signal of that request with its reason', async () => {
  const host = await serve(`export default async (req) => {
    console.log('running');
    await new Promise((resolve) => req.signal.addEventListener('abort', () => { console.log('aborted'); resolve(); }));
    const { name, message } = req.signal.reason;
    console.log(name, req.signal.reason instanceof DOMException);
    return new Response(name); }`);
  const first = host.invoke();
  const second = host.invoke();
  await host.frame('log', (log) => log.id === second);

  host.send({ cancel: { id: first, reason: 'REASON_TIMEOUT' } }, { cancel: { id: second, reason: 'REASON_CLIENT_GONE' } });

  await Promise.all([host.end(first), host.end(second)]);
  assert.deepEqual(host.logs(first).map(({ text }) => text), ['running', 'aborted', 'TimeoutError true']);
  assert.deepEqual(host.logs(second).map(({ text }) => text), ['running', 'aborted', 'AbortError true']);
});

test('a signal that is looked at only after the Cancel is aborted already', async () => {
  const host = await serve(`export default async (req) => {
    console.log('running');
    await new Promise((resolve) => { globalThis.go = resolve; });
    console.log(req.signal.aborted); }
    process.on('SIGUSR2', () => globalThis.go());`);
  const id = host.invoke();
  await host.frame('log');

  host.send({ cancel: { id, reason: 'REASON_CLIENT_GONE' } }, { ping: { nonce: 1 } });
  await host.frame('pong');
  host.process.kill('SIGUSR2');

  await host.end(id);
  assert.equal(host.logs(id)[1].text, 'true');
});

test('the answer goes out first, and the invocation ends when every waitUntil promise has settled', async () => {
  const host = await serve(`export default async (req, { waitUntil }) => {
    waitUntil(new Promise((resolve) => process.once('SIGUSR2', resolve)).then(() => {
      console.log('first'); waitUntil(Promise.resolve().then(() => { console.log('second'); throw new Error('broken'); }));
    }));
    return new Response('done'); }`);

  const id = host.invoke();
  const response = await host.response(id);
  assert.equal(response.ended, false);
  host.process.kill('SIGUSR2');
  const { outcome } = await host.end(id);

  assert.equal(outcome, 'OUTCOME_COMPLETED');
  const logs = host.logs(id);
  assert.deepEqual(logs.slice(0, 2).map(({ text }) => text), ['first', 'second']);
  assert.match(logs[2].text, /Error: broken/);
  assert.equal(logs[2].level, 'LEVEL_ERROR');
});

test('waitUntil without an argument throws', async () => {
  const host = await serve(`export default async (req, context) => { try { context.waitUntil(); } catch (error) { return new Response(String(error)); } }`);

  const { text } = await host.call();

  assert.equal(text, 'TypeError: waitUntil: At least 1 argument required, but only 0 passed');
});

test('what a background function returns is discarded', async () => {
  const host = await serve(`export default async () => 'anything'`);

  const { ended } = await host.call({ trigger: 'TRIGGER_BACKGROUND' });

  assert.equal(ended.outcome, 'OUTCOME_COMPLETED');
});

test('Ping is answered with its nonce, all 64 bits of it', async () => {
  const host = await serve(`export default () => {}`);

  host.send({ ping: { nonce: '18446744073709551615' } });

  const { nonce } = await host.frame('pong');
  assert.equal(nonce, 18446744073709552000);
});

test('after Drain the running invocations finish and the process exits with 0', async () => {
  const host = await serve(`export default async () => { console.log('running'); await new Promise((resolve) => process.once('SIGUSR2', resolve)); return new Response('late'); }`);
  const id = host.invoke();
  await host.frame('log');

  host.send({ drain: {} });
  host.process.kill('SIGUSR2');

  const { body } = await host.response(id);
  assert.equal(body.toString(), 'late');
  assert.equal(await within(host.exited, 'exit'), 0);
  assert.equal(host.sessionEnded, true);
});

for (const [name, frames, message] of [
  ['a second Specialise', [{ specialise: {} }], "A Specialise came in the state 'serving'"],
  ['Warm after Specialise', [{ warm: {} }], "A Warm came in the state 'serving'"],
  ['an invocation id that was used', [{ invoke: { id: 1, route: -1 } }, { invoke: { id: 1, route: -1 } }], 'The invocation id 1 came after 1'],
  ['a Cancel for an id never sent', [{ cancel: { id: 5 } }], 'never sent'],
  ['a route that does not exist', [{ invoke: { id: 1, route: 7 } }], 'The route 7 does not exist'],
]) {
  test(`${name} is a protocol violation: the process exits with a message`, async () => {
    const host = await serve(`export default () => {}`);

    host.send(...frames);

    assert.equal(await within(host.exited, 'exit'), 1);
    assert.match(host.stderr, new RegExp(message));
  });
}

test('when the host goes away the worker exits at once', async () => {
  const host = await serve(`export default () => { console.log('running'); setInterval(() => {}, 1000); return new Promise(() => {}); }`);
  host.invoke();
  await host.frame('log');

  host.disconnect();

  assert.equal(typeof await within(host.exited, 'exit'), 'number');
});
