import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { FakeHost, hostsOf, within } from './support/fake-host.mjs';

const { serve, start } = hostsOf(after);

// Functions wait for a signal where a test must decide the order of things.
const signal = `const signal = () => new Promise((resolve) => process.once('SIGUSR2', resolve));`;

test('process.exit ends its own invocation; the others finish, and the process exits with its code', async () => {
  const host = await serve(`${signal}
    export default async (req) => {
      if (req.url.endsWith('exit')) { process.exit(7); console.log('never'); }
      console.log('running'); await signal(); return new Response('finished'); }`);
  const other = host.invoke();
  await host.frame('log');

  const { ended, logs } = await host.call({ url: 'http://localhost/exit' });

  assert.deepEqual([ended.outcome, ended.exitCode, ended.error.message], ['OUTCOME_EXITED', 7, 'The function called process.exit(7)']);
  assert.deepEqual(logs, []);
  assert.match((await host.frame('leaving')).reason, /process\.exit\(7\)/);
  host.process.kill('SIGUSR2');
  assert.equal((await host.response(other)).body.toString(), 'finished');
  assert.equal(await within(host.exited, 'exit'), 7);
});

test('a process that exits waits for the host to have read everything, and not for ever', async () => {
  const host = await serve(`export default async () => { process.exit(7); }`);
  host.endsSession = false;

  await host.call();

  assert.equal(await within(host.exited, 'exit'), 7);
  const waited = performance.now() - host.sessionEndedAt;
  assert.ok(waited > 500, `It waited for ${waited} ms.`);
});

for (const [name, code, exitCode] of [
  ['caught by the function', `try { process.exit(3); } catch { } return new Response('too late');`, 3],
  ['in a timer', `await new Promise(() => setTimeout(() => process.exit(3), 1));`, 3],
  ['in a promise that nobody awaits', `Promise.resolve().then(() => process.exit(3)); await new Promise(() => {});`, 3],
  ['through reallyExit', `process.reallyExit(3);`, 3],
  ['without a code', `process.exitCode = 3; process.exit();`, 3],
  ['with a negative code', `process.exit(-1);`, -1],
]) {
  test(`process.exit ${name} ends the invocation once`, async () => {
    const host = await serve(`export default async () => { ${code} }`);

    const { id, ended, response } = await host.call();

    assert.deepEqual([ended.outcome, ended.exitCode], ['OUTCOME_EXITED', exitCode]);
    assert.equal(response, undefined);
    assert.equal(await within(host.exited, 'exit'), exitCode & 0xff);
    assert.equal(host.frames.filter((frame) => frame.ended?.id === id).length, 1);
  });
}

test('process.exit outside any invocation makes the process leave', async () => {
  const host = await serve(`setTimeout(() => process.exit(5), 20); export default () => {}`);

  await host.frame('leaving');

  assert.equal(await within(host.exited, 'exit'), 5);
});

test('process.exit while the module loads is a load error', async () => {
  const host = await start({ 'hello.mjs': `process.exit(2); export default () => {}` });

  host.specialise();

  const { loadError } = await host.frame('specialised');
  assert.equal(loadError.message, 'The function called process.exit(2)');
});

for (const [name, code] of [
  ['an exception in a timer', `setTimeout(() => { throw new TypeError('nobody'); }, 1); await new Promise(() => {});`],
  ['an unhandled rejection', `Promise.reject(new TypeError('nobody')); await new Promise(() => {});`],
]) {
  test(`${name} ends its invocation, is logged for it, and the process leaves when the others are done`, async () => {
    const host = await serve(`${signal}
      export default async (req) => {
        if (req.url.endsWith('bad')) { ${code} }
        console.log('running'); await signal(); return new Response('finished'); }`);
    const other = host.invoke();
    await host.frame('log');

    const { id, ended } = await host.call({ url: 'http://localhost/bad' });

    assert.deepEqual([ended.outcome, ended.error.type, ended.error.message], ['OUTCOME_FUNCTION_ERROR', 'TypeError', 'nobody']);
    assert.match(host.logs(id)[0].text, /TypeError: nobody/);
    assert.equal(host.logs(id)[0].level, 'LEVEL_ERROR');
    await host.frame('leaving');
    host.process.kill('SIGUSR2');
    assert.equal((await host.response(other)).body.toString(), 'finished');
    assert.equal(await within(host.exited, 'exit'), 1);
  });
}

test('a rejection of undefined is survived like any other', async () => {
  const host = await serve(`export default async () => { Promise.reject(undefined); await new Promise(() => {}); }`);

  const { ended } = await host.call();

  assert.deepEqual([ended.outcome, ended.error.type], ['OUTCOME_FUNCTION_ERROR', 'undefined']);
  assert.equal(await within(host.exited, 'exit'), 1);
});

test('a function that handles its rejections itself keeps its worker', async () => {
  const host = await serve(`process.on('unhandledRejection', () => console.log('mine'));
    export default async (req) => { if (req.url.endsWith('bad')) Promise.reject(1); await new Promise(setImmediate); return new Response('ok'); }`);

  await host.call({ url: 'http://localhost/bad' });
  const { text } = await host.call();

  assert.equal(text, 'ok');
  assert.equal(host.frames.some((frame) => frame.leaving), false);
});

test('an Invoke that crosses Leaving is not started', async () => {
  const host = await serve(`${signal}
    export default async (req) => {
      if (req.url.endsWith('exit')) process.exit(0);
      console.log('running', req.url); await signal(); return new Response('ok'); }`);
  const first = host.invoke({ url: 'http://localhost/first' });
  await host.frame('log');
  await host.call({ url: 'http://localhost/exit' });

  const late = host.invoke({ acknowledge: true, url: 'http://localhost/late' });
  host.send({ ping: { nonce: 1 } });
  await host.frame('pong');
  host.process.kill('SIGUSR2');

  await host.end(first);
  await within(host.exited, 'exit');
  assert.equal(host.frames.some((frame) => frame.accepted || frame.log?.id === late), false);
});

test('SIGTERM ends the process as it ends any other', async () => {
  const host = await serve(`export default () => {}`);

  host.process.kill('SIGTERM');

  assert.equal(await within(host.exited, 'exit'), 'SIGTERM');
});

test('listeners of exit run when the process leaves, and may change its code', async () => {
  const host = await serve(`import { writeFileSync } from 'node:fs'; process.on('exit', (code) => { writeFileSync(process.env.TMPDIR + '/left', String(code)); process.exit(4); });
    export default () => {}`);

  host.send({ drain: {} });

  assert.equal(await within(host.exited, 'exit'), 4);
  const { readFileSync } = await import('node:fs');
  assert.equal(readFileSync(`${host.directory}/left`, 'utf8'), '0');
});

test('Drain ends a placeholder that has seen no function', async () => {
  const host = await FakeHost.start({});

  host.send({ drain: {} });

  assert.equal(await within(host.exited, 'exit'), 0);
  await host.stop();
});
