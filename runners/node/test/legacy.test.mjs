import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { FakeHost, hostsOf } from './support/fake-host.mjs';

const { serve } = hostsOf(after);
const url = (path) => `http://localhost:8888${path}`;

test('an export called handler is the older form, wherever it lies', async () => {
  const answer = `async () => ({ statusCode: 200, body: 'older' })`;
  const newer = `() => new Response('newer')`;
  const modules = {
    'named.mjs': [`export const handler = ${answer}`, 'older'],
    'both.mjs': [`export default ${newer}; export const handler = ${answer}`, 'older'],
    'exports.cjs': [`exports.handler = ${answer}`, 'older'],
    'module.cjs': [`module.exports = { handler: ${answer} }`, 'older'],
    'app.cjs': [`const app = () => {}; module.exports = app; module.exports.handler = ${answer}`, 'older'],
    'compiled.cjs': [`exports.__esModule = true; exports.default = ${newer}; exports.handler = ${answer}`, 'older'],
    'compiledDefault.cjs': [`exports.__esModule = true; exports.default = ${newer}`, 'newer'],
    'function.cjs': [`module.exports = ${newer}`, 'newer'],
    'fetchable.cjs': [`module.exports = { fetch: ${newer}, handler: ${answer} }`, 'newer'],
    'noFunction.mjs': [`export const handler = 'text'; export default ${newer}`, 'newer'],
  };
  for (const [name, [source, expected]] of Object.entries(modules)) {
    const host = await FakeHost.serve({ [name]: source });

    assert.equal((await host.call()).text, expected, name);
    await host.stop();
  }
});

test('the first of promise, callback and context that answers wins', async () => {
  const host = await serve(`
    const ok = (body) => ({ statusCode: 200, body });
    const ways = {
      callback: (e, c, cb) => { setImmediate(() => cb(null, ok('callback'))); },
      twice: (e, c, cb) => { cb(null, ok('first')); cb(null, ok('second')); return Promise.resolve(ok('third')); },
      succeed: (e, c) => { setImmediate(() => c.succeed(ok('succeed'))); },
      done: (e, c) => { setImmediate(() => c.done(null, ok('done'))); },
      fail: (e, c) => { setImmediate(() => c.fail(new RangeError('failed'))); },
      error: (e, c, cb) => cb(new RangeError('told')),
      text: (e, c, cb) => cb('a text'),
      throws: () => { throw new SyntaxError('thrown'); },
      thenable: () => ({ then: (resolve) => resolve(ok('thenable')) }),
      plain: () => ok('plain'),
    };
    export const handler = (...args) => ways[args[0].path.slice(1)](...args);`);
  for (const way of ['callback', 'succeed', 'done', 'thenable', 'plain']) assert.equal((await host.call({ url: url(`/${way}`) })).text, way);
  assert.equal((await host.call({ url: url('/twice') })).text, 'first');
  for (const [way, type, message] of [['fail', 'RangeError', 'failed'], ['error', 'RangeError', 'told'], ['text', 'string', 'a text'], ['throws', 'SyntaxError', 'thrown']]) {
    const { ended } = await host.call({ url: url(`/${way}`) });

    assert.deepEqual([ended.error.type, ended.error.message], [type, message]);
  }
});

test('a result that is none is refused with the reason', async () => {
  const host = await serve(`const results = [undefined, null, 'text', {}, { statusCode: 'no' }, { statusCode: 200, body: { a: 1 } }, { statusCode: 700 }, { statusCode: 200, headers: { 'a b': 'c' } }, { statusCode: 200, headers: { a: 'b\\x01' } }, { get statusCode() { throw new RangeError('looked at'); } }, 5n, Symbol('s')];
    export const handler = async (event) => results[event.queryStringParameters.which];`);
  const expected = [
    'lambda response was undefined. check your function code again',
    'no lambda response. check your function code again. make sure to return a promise or use the callback.',
    'Your function response must have a numerical statusCode. You gave: undefined',
    'Your function response must have a numerical statusCode. You gave: undefined',
    "Your function response must have a numerical statusCode. You gave: 'no'",
    'Your function response must have a string or a stream body. You gave: { a: 1 }',
    /status 700/, /a b/, /'a' holds a control/, 'looked at',
    'Your function response must have a numerical statusCode. You gave: undefined', 'Your function response must have a numerical statusCode. You gave: undefined',
  ];
  for (const [which, message] of expected.entries()) {
    const { ended } = await host.call({ url: url(`/?which=${which}`) });

    if (typeof message === 'string') assert.equal(ended.error.message, message);
    else assert.match(ended.error.message, message);
  }
});

test('a handler that cannot answer any more does not wait for the time limit', async () => {
  const host = await serve(`export const handler = (event) => { globalThis.seen = event.path; };`);

  assert.equal((await host.call()).ended.error.message, 'lambda response was undefined. check your function code again');
});

test('the context counts down to the deadline and knows what its worker may use', async () => {
  const host = await serve(`export const handler = async (event, context) => {
    const remaining = context.getRemainingTimeInMillis();
    return { statusCode: 200, body: JSON.stringify([remaining > 4000 && remaining <= 5000, context]) }; }`, { memoryMb: 512 });

  const { text } = await host.call({ deadlineUnixMs: Date.now() + 5000 });
  const late = await host.call({ deadlineUnixMs: Date.now() - 5000 });

  assert.deepEqual(JSON.parse(text), [true, {
    callbackWaitsForEmptyEventLoop: true, functionName: 'hello', functionVersion: '$LATEST', invokedFunctionArn: '', memoryLimitInMB: '512', awsRequestId: 'request-1',
    logGroupName: '', logStreamName: '', identity: null, clientContext: {},
  }]);
  assert.equal(JSON.parse(late.text)[0], false);
});

test('a token is believed on a developer\'s machine only, and never in the background', async () => {
  const source = `export const handler = async (event, context) => { console.log(JSON.stringify(context.clientContext)); return { statusCode: 200, body: JSON.stringify(context.clientContext) }; }`;
  const token = `${btoa('{"alg":"none"}')}.${Buffer.from('{"sub":"ünal"}').toString('base64url')}.x`;
  const invoke = { headers: { authorization: `Bearer ${token}` } };
  const local = await serve(source, { showErrors: true });
  const remote = await serve(source);

  const { identity, user, custom } = JSON.parse((await local.call(invoke)).text);
  assert.deepEqual([identity.url, user], ['https://my-site.example/.netlify/identity', { sub: 'ünal' }]);
  assert.deepEqual(JSON.parse(Buffer.from(custom.netlify, 'base64')), { identity, user });
  for (const authorization of ['Bearer nothing', 'Bearer a.b.c', `Basic ${token}`, `Bearer a.${btoa('[1]')}.c`]) {
    assert.equal((await local.call({ headers: { authorization } })).text, '{}');
  }
  assert.equal((await local.call({ ...invoke, trigger: 'TRIGGER_BACKGROUND' })).logs[0].text, '{}');
  assert.equal((await remote.call(invoke)).text, '{}');
});

test('in the background any result will do, and the end is the handler\'s', async () => {
  const host = await serve(`export const handler = async () => { await new Promise(setImmediate); console.log('ran'); }`);

  const { response, logs } = await host.call({ trigger: 'TRIGGER_BACKGROUND' });

  assert.deepEqual([response.status, logs[0].text], [204, 'ran']);
});

test('a tick needs no result', async () => {
  const host = await serve(`export const handler = () => { console.log('ticked'); };`);

  const { response, logs } = await host.call({ trigger: 'TRIGGER_SCHEDULE' });

  assert.deepEqual([response.status, logs[0].text], [204, 'ticked']);
});

test('a stream that is returned and breaks is cut, and one whose client leaves is destroyed', async () => {
  const host = await serve(`import { Readable } from 'node:stream';
    async function* broken() { yield 'x'; throw new RangeError('broke'); }
    const bodies = {
      broken: () => Readable.from(broken()),
      endless: () => new Readable({ read() { setImmediate(() => this.push('x'.repeat(1000))); }, destroy(error, done) { console.log('destroyed'); done(error); } }),
    };
    export const handler = async (event) => ({ statusCode: 200, body: bodies[event.path.slice(1)]() });`);
  const broken = host.invoke({ url: url('/broken') });
  assert.equal((await host.end(broken)).error.message, 'broke');
  await assert.rejects(host.body(broken), /cut/);

  const endless = host.invoke({ url: url('/endless') });
  await host.response(endless);
  host.send({ cancel: { id: endless, reason: 'REASON_CLIENT_GONE' } });
  assert.equal((await host.end(endless)).outcome, 'OUTCOME_COMPLETED');
  assert.equal((await host.until(() => host.logs(endless)[0], 'the end of the source')).text, 'destroyed');
});

test('a body that comes as a stream is in the event whole, and a cut one ends the call', async () => {
  const host = await serve(`export const handler = async (event) => ({ statusCode: 200, body: event.body })`);
  host.onRequestBody = (call) => {
    call.write({ data: Buffer.from('one ') });
    call.write({ data: Buffer.from('two'), last: true });
    call.end();
  };
  assert.equal((await host.call({ method: 'POST', bodyKind: 'BODY_KIND_STREAMED', headers: { 'content-type': 'text/plain' } })).text, 'one two');

  host.onRequestBody = (call) => call.end();
  assert.equal((await host.call({ method: 'POST', bodyKind: 'BODY_KIND_STREAMED' })).ended.outcome, 'OUTCOME_FUNCTION_ERROR');
});

test('a handler that streams answers with its first word and is open until it is done', async () => {
  const host = await serve(`import { Readable } from 'node:stream';
    const ways = {
      head: async (event, stream) => {
        stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { 'X-A': 'b' }, cookies: ['a=1', 'b=2'] });
        stream.write('one '); await new Promise(setImmediate); stream.end('two');
      },
      noHead: async (event, stream) => { stream.write('plain'); },
      nothing: async () => {},
      typed: async (event, stream) => { stream.setContentType('text/csv'); stream.end('a,b'); await new Promise((resolve) => stream.once('close', resolve)); throw new Error('too late'); },
      before: async () => { throw new RangeError('before'); },
      after: async (event, stream) => { awslambda.HttpResponseStream.from(stream, {}).write('x'); await new Promise(setImmediate); throw new RangeError('after'); },
      bad: async (event, stream) => { awslambda.HttpResponseStream.from(stream, { headers: { 'a b': 'c' } }); },
    };
    export const handler = awslambda.streamifyResponse((event, ...rest) => ways[event.path.slice(1)](event, ...rest));`);
  const call = (way) => host.call({ url: url(`/${way}`) });

  const head = await call('head');
  assert.deepEqual([head.response.status, head.response.streaming, head.text, head.headers], [201, true, 'one two', [['x-a', 'b'], ['set-cookie', 'a=1'], ['set-cookie', 'b=2']]]);
  assert.deepEqual([(await call('noHead')).text, (await call('nothing')).text], ['plain', '']);
  const typed = await call('typed');
  assert.deepEqual([typed.text, typed.headers, typed.ended.outcome], ['a,b', [['content-type', 'text/csv']], 'OUTCOME_COMPLETED']);
  assert.match(typed.logs[0].text, /too late/);
  assert.equal((await call('before')).ended.error.message, 'before');
  const after = host.invoke({ url: url('/after') });
  assert.equal((await host.end(after)).error.message, 'after');
  await assert.rejects(host.body(after), /cut/);
  assert.match((await call('bad')).ended.error.message, /a b/);
});

test('a handler that streams in the background writes to nobody', async () => {
  const host = await serve(`export const handler = awslambda.streamifyResponse(async (event, stream) => {
    stream.end(Buffer.alloc(1e6)); await new Promise((resolve) => stream.once('finish', resolve)); console.log('written'); throw new RangeError('late'); });`);

  const { ended, logs } = await host.call({ trigger: 'TRIGGER_BACKGROUND' });

  assert.deepEqual([ended.error.message, logs[0].text], ['late', 'written']);
});

test('a client that leaves a stream tells the handler, which is no error', async () => {
  const host = await serve(`export const handler = awslambda.streamifyResponse(async (event, stream) => {
    const closed = new Promise((resolve) => stream.once('close', resolve));
    stream.write('x'); await closed; console.log('closed'); });`);
  const id = host.invoke();
  await host.response(id);
  host.send({ cancel: { id, reason: 'REASON_CLIENT_GONE' } });

  assert.equal((await host.end(id)).outcome, 'OUTCOME_COMPLETED');
  assert.deepEqual(host.logs(id).map(({ text }) => text), ['closed']);
});
