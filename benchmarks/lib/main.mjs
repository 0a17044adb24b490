// Measures, keeps the raw figures in artifacts/benchmarks, and writes the page from them. Called by ../run.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureBackground } from './background.mjs';
import { measureCold } from './cold.mjs';
import { measureCrowd } from './crowd.mjs';
import { describeMachine, waitUntilQuiet } from './machine.mjs';
import { measureMemory } from './memory.mjs';
import { writePage } from './page.mjs';
import { stopAll } from './processes.mjs';
import { measureScale } from './scale.mjs';
import { measureTail } from './tail.mjs';
import { measureWarm } from './warm.mjs';

const modes = {
  full: {
    rounds: 5, seconds: 2, slowSeconds: 3, settleRequests: 500, megabytes: 128, firstChunks: 12, repeats: 10, iterations: 15, scaleRounds: 3, scaleSeconds: 1,
    liveFunctions: 500, mostDeployed: 10_000, idleSeconds: 10, stalledStreams: 1000,
  },
  quick: {
    rounds: 2, seconds: 1, slowSeconds: 2, settleRequests: 100, megabytes: 64, firstChunks: 10, repeats: 5, iterations: 12, scaleRounds: 1, scaleSeconds: 1,
    liveFunctions: 50, mostDeployed: 1000, idleSeconds: 3, stalledStreams: 200,
  },
};

/** By the name of its option; each has a file of raw figures. */
const measures = {
  warm: async (options, work, log) => ({ ...(await measureWarm(options, work, log, say)), memory: await measureMemory(work, log, say) }),
  cold: (options, work, log) => measureCold(options, artifacts, log, say),
  background: (options, work, log) => measureBackground(options, work, log, say),
  tail: (options, work, log) => measureTail(options, work, log, say),
  scale: (options, work, log) => measureScale(options, work, log, say),
  crowd: (options, work, log) => measureCrowd(options, work, log, say),
};
const parts = Object.keys(measures);

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
    tail: { type: 'boolean', default: false },
    crowd: { type: 'boolean', default: false },
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
  const all = !parts.some((part) => values[part]) && !values.page;
  for (const part of parts.filter((part) => all || values[part])) {
    const machine = await describeMachine();
    const busyBefore = await waitUntilQuiet(say);
    save(`${part}.json`, { machine, options, busyBefore, ...(await measures[part](options, work, log)) });
  }

  writePage(Object.fromEntries(parts.map((part) => [part, load(`${part}.json`)])), join(home, 'docs'));
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
