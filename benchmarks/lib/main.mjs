// Measures, keeps the raw figures in artifacts/benchmarks, and writes the page from them. Called by ../run.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureBackground } from './background.mjs';
import { measureCold } from './cold.mjs';
import { describeMachine, waitUntilQuiet } from './machine.mjs';
import { measureMemory } from './memory.mjs';
import { writePage } from './page.mjs';
import { stopAll } from './processes.mjs';
import { measureScale } from './scale.mjs';
import { measureWarm } from './warm.mjs';

const modes = {
  full: { rounds: 5, seconds: 3, settleSeconds: 1, slowSeconds: 4, megabytes: 256, firstChunks: 30, repeats: 20, iterations: 60, scaleRounds: 3 },
  quick: { rounds: 2, seconds: 1, settleSeconds: 0, slowSeconds: 2, megabytes: 64, firstChunks: 10, repeats: 5, iterations: 12, scaleRounds: 1 },
};

const home = process.env.SANDBOXHOST_HOME;
const artifacts = join(home, 'artifacts', 'benchmarks');
const started = performance.now();

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    cold: { type: 'boolean', default: false },
    warm: { type: 'boolean', default: false },
    background: { type: 'boolean', default: false },
    scale: { type: 'boolean', default: false },
    page: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    only: { type: 'string' },
  },
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, async () => {
    await stopAll();
    process.exit(130);
  });
}

try {
  await main();
} catch (error) {
  await stopAll();
  say(error.stack);
  process.exitCode = 1;
}

async function main() {
  const mode = values.quick ? 'quick' : 'full';
  const options = { ...modes[mode], mode, only: values.only?.split(',') ?? null };
  if (values.rounds !== undefined) {
    options.rounds = Number(values.rounds);
  }

  const work = join(artifacts, 'work');
  const log = join(artifacts, 'log');
  mkdirSync(work, { recursive: true });
  const all = !values.cold && !values.warm && !values.background && !values.scale && !values.page;
  if (all || values.warm) {
    const machine = await describeMachine();
    const busyBefore = await waitUntilQuiet(say);
    const warm = await measureWarm(options, work, log, say);
    save('warm.json', { machine, options, busyBefore, ...warm, memory: await measureMemory(work, log, say) });
  }
  if (all || values.cold) {
    const machine = await describeMachine();
    const busyBefore = await waitUntilQuiet(say);
    save('cold.json', { machine, options, busyBefore, ...(await measureCold(options, artifacts, log, say)) });
  }

  if (all || values.background) {
    const machine = await describeMachine();
    const busyBefore = await waitUntilQuiet(say);
    save('background.json', { machine, options, busyBefore, ...(await measureBackground(options, work, log, say)) });
  }

  if (all || values.scale) {
    const machine = await describeMachine();
    const busyBefore = await waitUntilQuiet(say);
    save('scale.json', { machine, options, busyBefore, ...(await measureScale(options, work, log, say)) });
  }

  writePage(load('warm.json'), load('cold.json'), load('background.json'), load('scale.json'), join(home, 'docs'));
  say(`docs/benchmarks.md is written; raw figures are in artifacts/benchmarks. ${Math.round((performance.now() - started) / 1000)} s`);
}

function save(name, data) {
  writeFileSync(join(artifacts, name), JSON.stringify(data, null, 1) + '\n');
}

function load(name) {
  const file = join(artifacts, name);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
}

function say(text) {
  console.error(`[${Math.round((performance.now() - started) / 1000)} s] ${text}`);
}
