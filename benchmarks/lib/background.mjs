// Calls of background functions that a host accepts: each is on the disk before its 202. Beside it, in each round, what the
// disk does by itself: appends of the same size, each flushed before the next begins.

import { closeSync, fsyncSync, openSync, rmSync, unlinkSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { untilListens, wrk } from './load.mjs';
import { sandboxHost } from './peers.mjs';
import { freePort, Server } from './processes.mjs';
import { makeSite } from './sites.mjs';

const Connections = 16;
const Functions = 8;
const BodyBytes = 1000;

export async function measureBackground(options, work, log, say) {
  const samples = [];
  for (let round = 0; round < options.rounds; round++) {
    say(`round ${round + 1} of ${options.rounds}: background calls`);
    // A new store for each: none is measured behind the queue of the one before.
    samples.push({ round, flushes: flushes(work, options.seconds), ...(await accepted(options, work, log)) });
  }
  return { connections: Connections, bodyBytes: BodyBytes, samples };
}

async function accepted(options, work, log) {
  const site = makeSite(join(work, 'site-background'), (functions) => {
    for (let i = 0; i < Functions; i++) {
      writeFileSync(join(functions, `work${i}.mjs`), 'export default async (req) => { await req.text(); };\nexport const config = { background: true };\n');
    }
  });

  const port = await freePort();
  const server = new Server(sandboxHost(port, site, []), join(log, 'background.log'));
  try {
    await untilListens(`http://127.0.0.1:${port}/`, server);
    const result = await wrk(`http://127.0.0.1:${port}/.netlify/functions/work`, Connections, options.seconds, ['post', String(Functions), String(BodyBytes)]);
    return { perSecond: result.perSecond, errors: result.errors, p50: result.p50, p99: result.p99 };
  } finally {
    await server.stop();
    rmSync(site, { recursive: true, force: true });
  }
}

/** Appends a second that reach the disk one by one. */
function flushes(work, seconds) {
  const file = join(work, 'flushes');
  const body = Buffer.alloc(BodyBytes, 'x');
  const descriptor = openSync(file, 'w');
  try {
    const end = performance.now() + seconds * 1000;
    let count = 0;
    for (; performance.now() < end; count++) {
      writeSync(descriptor, body);
      fsyncSync(descriptor);
    }
    return count / seconds;
  } finally {
    closeSync(descriptor);
    unlinkSync(file);
  }
}
