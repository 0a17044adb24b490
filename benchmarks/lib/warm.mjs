// The measurement proper: rounds, and in each round every measure for every peer in turn, so that whatever else the
// machine does hits all of them alike. Ratios are taken inside a round.

import { closeSync, ftruncateSync, openSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { download, firstChunks, someRequests, untilAnswers, upload, wrk } from './load.mjs';
import { Baseline, functionPath, peers, Subject } from './peers.mjs';
import { cpuMicroseconds, descendants, freePort, machineCpu, ownCpuMicroseconds, Server, workersBelow } from './processes.mjs';
import { median } from './statistics.mjs';

const WarmSeconds = { full: 2, quick: 1 };
const Megabyte = 2 ** 20;

/** A sample that others disturbed more than this, as a share of the machine, is taken again, as long as repeats are left. */
const DisturbedShare = 0.1;
const MostTries = 3;

/** A peer that is slow is idle when it uses less than this of one core; it has this long for it. */
const IdleShare = 0.05;
const IdleProbeMs = 300;
const IdleLimitMs = 15_000;

/** The connections at which CPU time is read as well. */
const CpuConnections = 16;

export async function measureWarm(options, work, log, say) {
  const chosen = peers.filter((peer) => options.only === null || peer.id === Baseline || options.only.includes(peer.id));
  const live = [];
  for (const peer of chosen) {
    say(`starting ${peer.id}`);
    live.push(await startPeer(peer, options, work, log));
  }

  const body = join(work, 'body');
  const samples = [];
  const repeats = { left: options.repeats };
  const add = (round, peer, measure, value) => samples.push({ round, peer, measure, ...value });
  try {
    makeFile(body, options.megabytes * Megabyte);
    for (let round = 0; round < options.rounds; round++) {
      // Nobody is always the first one after a pause.
      const order = [...live.slice(round % live.length), ...live.slice(0, round % live.length)];
      for (const connections of [16, 1, 64]) {
        say(`round ${round + 1} of ${options.rounds}: ${connections} ${connections === 1 ? 'connection' : 'connections'}`);
        for (const { peer, url, server } of order.filter(({ peer }) => peer.connections.includes(connections))) {
          add(round, peer.id, `load-${connections}`, await load(peer, server, url, connections, options, repeats));
        }
      }

      say(`round ${round + 1} of ${options.rounds}: bodies`);
      for (const { peer, url } of order.filter(({ peer }) => peer.bodies)) {
        const bytes = options.megabytes * Megabyte;
        add(round, peer.id, 'download', { value: await download(`${url}/stream?mb=${options.megabytes}`, bytes) });
        add(round, peer.id, 'upload', { value: await upload(`${url}/upload`, body, bytes) });
        add(round, peer.id, 'first-chunk', { value: median(await firstChunks(`${url}/first`, options.firstChunks)) });
      }
    }
  } finally {
    await Promise.all(live.map(({ server }) => server.stop()));
  }
  return { samples, peers: chosen.map(({ id, label, note, version }) => ({ id, label, note, version })) };
}

async function startPeer(peer, options, work, log) {
  const port = await freePort();
  const server = new Server(peer.start(port, work), join(log, `${peer.id}.log`));
  const url = `http://127.0.0.1:${port}${functionPath}`;
  await untilAnswers(`${url}/hello`, 'Hello, world!', server);
  if (!peer.slow) {
    await wrk(`${url}/hello`, CpuConnections, WarmSeconds[options.mode]);
  }

  if (peer.bodies) {
    await download(`${url}/stream?mb=16`, 16 * Megabyte);
    await firstChunks(`${url}/first`, 3);
  }
  return { peer, server, url };
}

async function load(peer, server, url, connections, options, repeats) {
  if (!peer.slow) {
    // A frozen worker thaws, a collector that is due collects.
    await someRequests(`${url}/hello`, options.settleRequests);
  }

  const tries = [await loadOnce(peer, server, url, connections, options)];
  while (Math.min(...tries.map(disturbance)) > DisturbedShare && tries.length < MostTries && repeats.left > 0) {
    repeats.left--;
    tries.push(await loadOnce(peer, server, url, connections, options));
  }

  if (peer.slow) {
    await untilIdle(server, peer);
  }
  return tries.sort((a, b) => disturbance(a) - disturbance(b))[0];
}

/** Waits, not for ever, until a slow peer is done with what nobody waits for any more: the next one would be measured beside it. */
async function untilIdle(server, peer) {
  const end = performance.now() + IdleLimitMs;
  for (let before = cpuOf(server, peer).server, used = Infinity; used > IdleShare && performance.now() < end;) {
    await delay(IdleProbeMs);
    const now = cpuOf(server, peer).server;
    used = (now - before) / (IdleProbeMs * 1000);
    before = now;
  }
}

const disturbance = (sample) => sample.others + sample.stolen;

async function loadOnce(peer, server, url, connections, options) {
  const before = cpuOf(server, peer);
  const start = { machine: machineCpu(), own: ownCpuMicroseconds() };
  const result = await wrk(`${url}/hello`, connections, peer.slow ? options.slowSeconds : options.seconds);
  const end = { machine: machineCpu(), own: ownCpuMicroseconds() };
  const after = cpuOf(server, peer);
  if (server.hasEnded) {
    throw new Error(`${peer.id} ended while it was measured (see ${server.logFile})`);
  }

  const perRequest = (part) => (result.requests > 0 ? (after[part] - before[part]) / result.requests : null);
  const capacity = result.microseconds * cpus().length;
  const accounted = after.server - before.server + end.own - start.own;
  return {
    ...result,
    cpu: { server: perRequest('server'), host: perRequest('host'), workers: perRequest('workers') },
    // What neither the server nor the load generator used: the noise of the measurement, as a share of the machine.
    others: Math.max(0, end.machine.busy - start.machine.busy - accounted) / capacity,
    stolen: (end.machine.stolen - start.machine.stolen) / capacity,
  };
}

// Only SandboxHost has processes of its own for the functions.
function cpuOf(server, peer) {
  const host = cpuMicroseconds(server.pid);
  const sum = (pids) => pids.reduce((total, pid) => total + cpuMicroseconds(pid), 0);
  if (!peer.id.startsWith(Subject)) {
    return { server: host + sum(descendants(server.pid)), host, workers: 0 };
  }
  const workers = sum(workersBelow(server.pid));
  return { server: host + workers, host, workers };
}

function makeFile(path, bytes) {
  const file = openSync(path, 'w');
  ftruncateSync(file, bytes);
  closeSync(file);
}
