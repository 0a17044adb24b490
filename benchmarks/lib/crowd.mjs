// Many at once: functions that have a worker and nothing to do, and clients that read a stream no further.

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { untilAnswers, untilListens } from './load.mjs';
import { functionPath, sandboxHost } from './peers.mjs';
import { cpuMicroseconds, freePort, memoryOf, Server, workersBelow } from './processes.mjs';
import { Greeting, greetingSite, makeSite } from './sites.mjs';

export async function measureCrowd(options, work, log, say) {
  return { density: await measureDensity(options, work, log, say), stalled: await measureStalled(options, work, log, say) };
}

const CallsAtOnce = 4;
const LaterFunctions = 8;
const FreezeSeconds = 5;
const Placeholders = 2;
const FreezeSlackMs = 3000;
const RefillMs = 2000;

async function measureDensity({ liveFunctions, idleSeconds }, work, log, say) {
  say(`${liveFunctions} functions with a worker each`);
  const names = Array.from({ length: liveFunctions + LaterFunctions }, (_, i) => `hello${i}`);
  const site = greetingSite(join(work, 'site-crowd'), names);
  const port = await freePort();
  const more = [
    '--freeze-after', String(FreezeSeconds), '--max-workers', String(names.length + CallsAtOnce),
    // More would stand ready for a minute after the calls, and are not what idle functions cost.
    '--max-placeholders', String(Placeholders),
  ];
  const server = new Server(sandboxHost(port, site, [], ...more), join(log, 'crowd.log'));
  const call = (name) => untilAnswers(`http://127.0.0.1:${port}${functionPath}/${name}`, Greeting, server);
  try {
    await untilListens(`http://127.0.0.1:${port}/`, server);
    const available = availableMegabytes();
    const started = performance.now();
    const waiting = names.slice(0, liveFunctions);
    await Promise.all(Array.from({ length: CallsAtOnce }, async () => {
      for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) await call(name);
    }));
    const seconds = (performance.now() - started) / 1000;
    await delay(FreezeSeconds * 1000 + FreezeSlackMs);
    const workers = workersBelow(server.pid);
    const megabytes = available - availableMegabytes();
    const before = [server.pid, ...workers].map((pid) => ({ pid, cpu: cpuMicroseconds(pid) }));
    await delay(idleSeconds * 1000);
    const idleShare = before.reduce((sum, { pid, cpu }) => sum + cpuMicroseconds(pid) - cpu, 0) / (idleSeconds * 1e6);
    const later = [];
    for (const name of names.slice(liveFunctions)) {
      await delay(RefillMs);
      const start = performance.now();
      await call(name);
      later.push(performance.now() - start);
    }
    return { functions: liveFunctions, atOnce: CallsAtOnce, workers: workers.length, seconds, megabytesEach: megabytes / workers.length, host: memoryOf(server.pid), idleShare, later };
  } finally {
    await server.stop();
    rmSync(site, { recursive: true, force: true });
  }
}

const StreamsAtOnce = 50;
const LookAfterMs = [2000, 12_000];

async function measureStalled({ stalledStreams }, work, log, say) {
  say(`${stalledStreams} streams that nobody reads`);
  const site = makeSite(join(work, 'site-stalled'), (functions) => writeFileSync(join(functions, 'endless.mjs'), [
    'const chunk = new Uint8Array(64 * 1024);',
    'export default () => new Response(new ReadableStream({ pull(controller) { controller.enqueue(chunk); } }));',
  ].join('\n')));
  const port = await freePort();
  const server = new Server(
    sandboxHost(port, site, ['concurrency=50', 'max_workers=24', 'vcpu=2', 'streaming_time=120s', 'streaming_size=1gb', 'queue_length=1000']), join(log, 'stalled.log'));
  const sockets = [];
  try {
    await untilListens(`http://127.0.0.1:${port}/`, server);
    sockets.push(await stall(port));
    const before = memoryOf(server.pid).rss;
    while (sockets.length < stalledStreams) {
      const count = Math.min(StreamsAtOnce, stalledStreams - sockets.length);
      sockets.push(...(await Promise.all(Array.from({ length: count }, () => stall(port)))));
    }
    const all = performance.now();
    const grown = [];
    for (const ms of LookAfterMs) {
      await delay(all + ms - performance.now());
      grown.push(memoryOf(server.pid).rss - before);
    }
    return { streams: sockets.length, seconds: LookAfterMs.map((ms) => ms / 1000), grown };
  } finally {
    for (const socket of sockets) socket.destroy();
    await server.stop();
    rmSync(site, { recursive: true, force: true });
  }
}

/** Asks, reads until the body has begun, and no further. */
async function stall(port) {
  const socket = net.connect({ host: '127.0.0.1', port });
  socket.on('error', () => {});
  socket.write(`GET ${functionPath}/endless HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`);
  const head = await new Promise((resolve, reject) => socket.once('data', resolve).once('close', () => reject(new Error('a stream was refused'))));
  socket.pause();
  if (!head.toString('latin1').startsWith('HTTP/1.1 200 ')) throw new Error(`a stream was refused: ${head.toString('latin1').split('\r\n', 1)[0]}`);
  return socket;
}

/** What the machine could still give away, in MB. */
function availableMegabytes() {
  return Number(/^MemAvailable:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'))[1]) / 1024;
}
