import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { hostsOf, within } from './support/fake-host.mjs';

const { start } = hostsOf(after);

const Function = `export function unused() { return [1, 2, 3].map((n) => n * 2); }\nexport default () => new Response('found');`;
const debug = { environment: { NODE_DEBUG_NATIVE: 'COMPILE_CACHE' } };

async function make() {
  const host = await start({ 'hello.mjs': Function }, debug);
  host.send({ warm: {} });
  await host.frame('warmed');
  host.specialise({ codeCache: 'CODE_CACHE_USE_WANTED' });
  const { codeCache } = await host.frame('specialised');
  return { host, codeCache, bytes: await within(host.codeCache, 'code cache') };
}

test('a worker that is asked for its code cache announces it with its start and sends it later', async () => {
  const { host, codeCache: [file, ...others], bytes } = await make();

  assert.deepEqual(others, []);
  assert.match(file.name, /^[0-9a-f]{1,8}$/);
  assert.equal(file.bytes, bytes.length);
  assert.deepEqual(file.sha256, createHash('sha256').update(bytes).digest());
  assert.deepEqual(readdirSync(host.directory).sort(), ['function', 'host.sock']);
});

test('a code cache that the host placed is used by the next worker', async () => {
  const { host: { functionDirectory }, codeCache: [{ name }], bytes } = await make();
  const placed = join(functionDirectory, '.sandboxhost-code-cache');
  mkdirSync(placed);
  writeFileSync(join(placed, name), bytes);
  const host = await start({}, { ...debug, functionDirectory });

  host.specialise({ codeCache: 'CODE_CACHE_USE_PLACED' });
  const { codeCache } = await host.frame('specialised');

  assert.deepEqual(codeCache, []);
  assert.match(host.stderr, /hello\.mjs was accepted/);
  assert.equal((await host.call()).text, 'found');
});

test('a code cache that is broken or missing costs nothing but time', async () => {
  const { host: { functionDirectory }, codeCache: [{ name }], bytes } = await make();
  const first = await start({}, { functionDirectory });
  first.specialise({ codeCache: 'CODE_CACHE_USE_PLACED' });
  await first.frame('specialised');
  assert.equal((await first.call()).text, 'found');

  const placed = join(functionDirectory, '.sandboxhost-code-cache');
  mkdirSync(placed);
  writeFileSync(join(placed, name), bytes.fill(0x41, 100));
  const second = await start({}, { functionDirectory });
  second.specialise({ codeCache: 'CODE_CACHE_USE_PLACED' });
  await second.frame('specialised');

  assert.equal((await second.call()).text, 'found');
});

test('a worker that is not asked makes none', async () => {
  const host = await start({ 'hello.mjs': Function }, debug);

  host.specialise();
  const { codeCache } = await host.frame('specialised');

  assert.deepEqual(codeCache, []);
  assert.doesNotMatch(host.stderr, /hello\.mjs/);
});
