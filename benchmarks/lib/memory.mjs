// Memory of idle processes, side by side: as many workers of SandboxHost as servers of the baseline, each after its
// first request. Shared pages are counted in proportion (PSS), so the number of processes is part of the result.

import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { untilAnswers } from './load.mjs';
import { functionPath, peers, sandboxHost } from './peers.mjs';
import { freePort, memoryOf, Server, workersBelow } from './processes.mjs';
import { Greeting, greetingSite } from './sites.mjs';
import { median } from './statistics.mjs';

const Count = 10;
const SettleMs = 2000;
const FreezeSeconds = 4;

export async function measureMemory(work, log, say) {
  say(`memory of ${Count} idle processes`);
  return { count: Count, ...(await workers(work, log)), baseline: await baselines(log) };
}

async function workers(work, log) {
  const names = Array.from({ length: Count }, (_, i) => `hello${i}`);
  const site = greetingSite(join(work, 'site-memory'), names);
  const port = await freePort();
  const server = new Server(
    sandboxHost(port, site, [], '--freeze-after', String(FreezeSeconds), '--placeholders', '0'),
    join(log, 'memory.log'));
  try {
    for (const name of names) {
      await untilAnswers(`http://127.0.0.1:${port}${functionPath}/${name}`, Greeting, server);
    }
    await delay(SettleMs);
    const idle = medianOf(workersBelow(server.pid));
    await delay(FreezeSeconds * 1000 + SettleMs);
    return { idle, frozen: medianOf(workersBelow(server.pid)), host: memoryOf(server.pid) };
  } finally {
    await server.stop();
  }
}

async function baselines(log) {
  const plain = peers.find((peer) => peer.id === 'plain');
  const servers = [];
  try {
    for (let i = 0; i < Count; i++) {
      const port = await freePort();
      const server = new Server(plain.start(port), join(log, `memory-plain-${i}.log`));
      servers.push(server);
      await untilAnswers(`http://127.0.0.1:${port}${functionPath}/hello`, Greeting, server);
    }
    await delay(SettleMs);
    return medianOf(servers.map((server) => server.pid));
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}

function medianOf(pids) {
  const all = pids.map(memoryOf).filter((memory) => memory !== null);
  if (all.length === 0) {
    return null;
  }
  const of = (name) => median(all.map((memory) => memory[name]));
  return { processes: all.length, rss: of('rss'), pss: of('pss'), private: of('private') };
}
