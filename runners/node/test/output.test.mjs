import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { hostsOf } from './support/fake-host.mjs';

const { serve } = hostsOf(after);

test('every way of printing is a Log frame of its level', async () => {
  const host = await serve(`export default () => {
    console.log('log %s %d', 'a', 1, { b: [2] });
    console.info('info'); console.debug('debug'); console.warn('warn'); console.error('error');
    console.log('two\\nlines'); console.log('');
    process.stdout.write('out\\n'); process.stderr.write(Buffer.from('err'));
    console.dir({ a: 1 }); console.assert(false, 'asserted'); console.assert(true, 'not');
    console.count(); console.count('x'); console.countReset('x');
    console.group('outer'); console.log('inner'); console.groupEnd(); console.log('after');
    console.table([{ a: 1 }]); console.time('t'); console.timeEnd('t'); console.trace('here');
    process.stdout.write('written', () => {});
  }`);

  const { logs } = await host.call();

  const printed = logs.map(({ level, text }) => [level.slice('LEVEL_'.length), text]);
  assert.deepEqual(printed.slice(0, 17), [
    ['INFO', 'log a 1 { b: [ 2 ] }'], ['INFO', 'info'], ['DEBUG', 'debug'], ['WARN', 'warn'], ['ERROR', 'error'], ['INFO', 'two\nlines'], ['INFO', ''],
    ['INFO', 'out'], ['ERROR', 'err'], ['INFO', '{ a: 1 }'], ['WARN', 'Assertion failed: asserted'], ['INFO', 'default: 1'], ['INFO', 'x: 1'],
    ['INFO', 'outer'], ['INFO', '  inner'], ['INFO', 'after'], ['INFO', '┌─────────┬───┐\n│ (index) │ a │\n├─────────┼───┤\n│ 0       │ 1 │\n└─────────┴───┘'],
  ]);
  assert.match(printed[17][1], /^t: [\d.]+/);
  assert.match(printed[18][1], /^Trace: here\n/);
  assert.equal(printed[18][0], 'DEBUG');
  assert.deepEqual(printed.slice(19), [['INFO', 'written']]);
});

test('what is printed belongs to the invocation that printed it, also after awaiting, and to none outside', async () => {
  const host = await serve(`console.log('loading');
    setImmediate(() => console.log('outside'));
    export default async (req) => { const name = await req.text(); await new Promise((resolve) => setTimeout(resolve, 5)); console.log(name); }`);

  const calls = await Promise.all(['a', 'b', 'c'].map((body) => host.call({ method: 'POST', body })));

  assert.deepEqual(calls.map(({ logs }) => logs.map(({ text }) => text)), [['a'], ['b'], ['c']]);
  assert.deepEqual(host.logs(0).map(({ text }) => text), ['loading', 'outside']);
});

test('a message longer than 64 KiB is cut with a marker, between characters', async () => {
  const host = await serve(`export default () => { console.log('x' + '🎉'.repeat(30_000)); }`);

  const { logs } = await host.call();

  assert.match(logs[0].text, /^x🎉+ … \[cut\]$/u);
  const bytes = Buffer.byteLength(logs[0].text);
  assert.ok(bytes <= 65_536 && bytes > 65_500, `${bytes}`);
});

test('logs come before the end of the invocation that printed them', async () => {
  const host = await serve(`export default () => { for (let line = 0; line < 100; line++) console.log(line); throw new Error('end'); }`);
  const id = host.invoke();
  await host.end(id);

  const kinds = host.frames.filter((frame) => (frame.log ?? frame.ended)?.id === id).map(({ kind }) => kind);
  assert.deepEqual(kinds, [...Array(100).fill('log'), 'ended']);
});

test('a flood is dropped and counted rather than queued without bound', async () => {
  const host = await serve(`export default () => { const line = 'x'.repeat(1000); for (let count = 0; count < 100_000; count++) console.log(line); console.error('last'); return Response.json(process.memoryUsage.rss()); }`);

  const { id, text } = await host.call();

  const logs = () => [...host.logs(id), ...host.logs(0)];
  const dropped = () => logs().reduce((sum, log) => sum + log.dropped, 0);
  await host.until(() => (host.logs(id).length + dropped() === 100_001 ? true : undefined), 'account of all messages');
  assert.ok(dropped() > 0, 'nothing was dropped');
  assert.ok(Number(text) < 300e6, `${text} bytes resident`);
});

test('printing survives functions that replace what it stands on', async () => {
  const host = await serve(`
    Promise.prototype.then = undefined; globalThis.setImmediate = undefined; globalThis.queueMicrotask = undefined; JSON.stringify = undefined;
    process.nextTick = undefined; Map.prototype.get = undefined; globalThis.Buffer = undefined; globalThis.Response = class { constructor(text) { this.text = text; } };
    const respond = globalThis.fetch;
    export default () => { console.log('still'); }`);

  const { logs, ended } = await host.call();

  assert.equal(ended.outcome, 'OUTCOME_COMPLETED');
  assert.equal(logs[0].text, 'still');
});

test('a console of the function\'s own and piping into stdout work', async () => {
  const host = await serve(`import { Console } from 'node:console'; import { Readable } from 'node:stream'; import { pipeline } from 'node:stream/promises';
    export default async () => { new Console(process.stdout, process.stderr).error('own'); Readable.from(['piped\\n']).pipe(process.stdout); await new Promise(setImmediate);
      console.log('after the pipe has ended'); return new Response(String(process.stdout.fd)); }`);

  const { logs, text } = await host.call();

  assert.deepEqual(logs.map(({ text }) => text), ['own', 'piped', 'after the pipe has ended']);
  assert.equal(text, '1');
});

test('a warning of the process is a log of level warning', async () => {
  const host = await serve(`export default async () => { process.emitWarning('careful'); await new Promise(setImmediate); }`);

  const { logs } = await host.call();

  assert.deepEqual(logs.map(({ level, text }) => [level, text]), [['LEVEL_WARN', 'Warning: careful']]);
});
