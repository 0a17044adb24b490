// How long the slowest wait while the host has room: half of what it can do, at a steady pace. Once by itself, once while
// functions that have no worker are called beside it, so that sandboxes start and the pool of placeholders is filled again.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { untilAnswers, wrk } from './load.mjs';
import { openLoop } from './open-loop.mjs';
import { Baseline, functionPath, peers, sandboxHost } from './peers.mjs';
import { benchmarkProgram, freePort, run, Server } from './processes.mjs';
import { Greeting, greetingSite } from './sites.mjs';
import { percentile } from './statistics.mjs';

const Connections = 64;
const Share = 0.5;
const Rounds = 3;
const WarmSeconds = 3;
// .NET compiles what a connection begins with after 30 of them, and once more after 30 more.
const WarmLoops = 4;
const ColdEveryMs = 500;

export async function measureTail(options, work, log, say) {
  const cold = Rounds * Math.ceil(options.seconds * 1000 / ColdEveryMs);
  const trace = join(work, 'gc.nettrace');
  const site = greetingSite(join(work, 'site-tail'), ['hello', ...Array.from({ length: cold }, (_, i) => `cold${i}`)]);
  rmSync(trace, { force: true });
  const [plainPort, port] = [await freePort(), await freePort()];
  const plain = new Server(peers.find(({ id }) => id === Baseline).start(plainPort), join(log, 'tail-plain.log'));
  const command = sandboxHost(port, site, ['concurrency=64', 'max_workers=1', 'vcpu=2']);
  // The runtime writes down its collections and nothing else (keyword GC, level informational).
  const tracing = { DOTNET_EnableEventPipe: '1', DOTNET_EventPipeOutputPath: trace, DOTNET_EventPipeConfig: 'Microsoft-Windows-DotNETRuntime:0x1:4' };
  const host = new Server({ ...command, env: tracing }, join(log, 'tail.log'));
  const urls = { plain: `http://127.0.0.1:${plainPort}${functionPath}/hello`, host: `http://127.0.0.1:${port}${functionPath}/hello` };
  const samples = [];
  let called = 0;
  try {
    await untilAnswers(urls.plain, Greeting, plain);
    await untilAnswers(urls.host, Greeting, host);
    for (const url of Object.values(urls)) {
      const { perSecond } = await wrk(url, 16, WarmSeconds);
      for (let loop = 0; loop < WarmLoops; loop++) await openLoop(url, perSecond * Share, Connections, 1, Greeting);
    }
    for (let round = 0; round < Rounds; round++) {
      say(`round ${round + 1} of ${Rounds}: half load`);
      const most = {};
      for (const name of ['plain', 'host']) most[name] = (await wrk(urls[name], 16, options.seconds)).perSecond;
      const half = async (name, measure) => {
        const { sent, errors, latencies } = await openLoop(urls[name], most[name] * Share, Connections, options.seconds, Greeting);
        samples.push({ round, measure, perSecond: sent / options.seconds, errors, p50: percentile(latencies, 50), p99: percentile(latencies, 99), max: Math.max(...latencies) });
      };
      await half('plain', 'plain');
      await half('host', 'host');
      const until = performance.now() + options.seconds * 1000 - ColdEveryMs;
      const starts = (async () => {
        while (performance.now() < until) {
          await untilAnswers(`http://127.0.0.1:${port}${functionPath}/cold${called++}`, Greeting, host);
          await delay(ColdEveryMs);
        }
      })();
      await Promise.all([half('host', 'host-starts'), starts]);
    }
  } finally {
    await Promise.all([plain.stop(), host.stop()]);
    rmSync(site, { recursive: true, force: true });
  }
  return { connections: Connections, starts: called, samples, collections: JSON.parse(await run('dotnet', [benchmarkProgram, 'gc', trace])) };
}
