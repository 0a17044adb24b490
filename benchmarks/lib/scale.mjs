// What a request costs as work grows: more connections, more functions hot at once, more functions deployed, larger bodies.
// One figure is one host of its own, so that nothing is left of the one before.

import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { untilAnswers, wrk } from './load.mjs';
import { functionPath, sandboxHost } from './peers.mjs';
import { freePort, memoryOf, Server } from './processes.mjs';
import { Greeting, greetingSite, makeSite } from './sites.mjs';

const Limits = ['concurrency=64', 'max_workers=1', 'vcpu=2', 'queue_length=1000', 'buffered_size=32mb'];
const Connections = 16;

/** Bodies of which 16 at once take longer than a round. */
const SlowBytes = 1_000_000;
const SlowSeconds = 5;

const series = [
  { id: 'connections', points: [1, 10, 100, 1000], functions: () => 1, connections: (point) => point },
  { id: 'hot', points: [1, 10, 100], functions: (point) => point, connections: () => Connections, hot: (point) => point },
  { id: 'deployed', points: [10, 100, 1000, 10_000], most: (options) => options.mostDeployed, functions: (point) => point, connections: () => Connections },
  { id: 'body', points: [0, 1000, 10_000, 100_000, 1_000_000, 20_000_000], functions: () => 1, connections: () => Connections, bytes: (point) => point, seconds: (point) => (point >= SlowBytes ? SlowSeconds : undefined) },
];

export async function measureScale(options, work, log, say) {
  const samples = [];
  for (const { id, points, ...at } of series) {
    for (const point of points.filter((point) => point <= (at.most?.(options) ?? Infinity))) {
      say(`scale: ${id} ${point}`);
      samples.push(...(await measure(id, point, at, options, work, log)));
    }
  }
  return { connections: Connections, samples };
}

async function measure(id, point, at, options, work, log) {
  const port = await freePort();
  const site = siteOf(join(work, 'site-scale'), at.functions(point), at.bytes?.(point) ?? null);
  const server = new Server(sandboxHost(port, site, Limits), join(log, 'scale.log'));
  const url = `http://127.0.0.1:${port}${functionPath}/hello`;
  const hot = at.hot?.(point) ?? 1;
  try {
    const body = at.bytes === undefined ? Greeting : 'x'.repeat(at.bytes(point));
    for (let i = 0; i < hot; i++) {
      await untilAnswers(`${url}${i}`, body, server);
    }
    const script = hot > 1 ? ['get', String(hot)] : [];
    const target = hot > 1 ? url : `${url}0`;
    await wrk(target, at.connections(point), 1, script);
    const samples = [];
    for (let round = 0; round < options.scaleRounds; round++) {
      const { perSecond, p50, p99, errors } = await wrk(target, at.connections(point), at.seconds?.(point) ?? options.scaleSeconds, script);
      samples.push({ series: id, point, round, perSecond, p50, p99, errors, hostRss: memoryOf(server.pid)?.rss ?? null });
    }
    return samples;
  } finally {
    await server.stop();
    rmSync(site, { recursive: true, force: true });
  }
}

function siteOf(site, count, bytes) {
  const names = Array.from({ length: count }, (_, i) => `hello${i}`);
  return bytes === null
    ? greetingSite(site, names)
    : makeSite(site, (functions) => names.forEach((name) => writeFileSync(
      join(functions, `${name}.mjs`), `const body = 'x'.repeat(${bytes});\nexport default () => new Response(body);\n`)));
}
