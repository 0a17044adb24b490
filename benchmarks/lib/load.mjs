// The load generators. All of them send to loopback only, for a bounded time.

import http from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { run } from './processes.mjs';

const report = join(import.meta.dirname, 'wrk-report.lua');
const FirstChunkGapMs = 12;

/** A closed loop: each connection asks again as soon as it has its answer. `script`: words for wrk-report.lua; without any it asks with GET. */
export async function wrk(url, connections, seconds, script = []) {
  const output = await run('wrk', ['-t1', `-c${connections}`, `-d${seconds}`, '--timeout', '10s', '-s', report, url, ...(script.length > 0 ? ['--', ...script] : [])], {
    timeoutMs: (seconds + 20) * 1000,
  });
  const result = JSON.parse(output.trim().split('\n').at(-1));
  return { ...result, perSecond: result.requests / (result.microseconds / 1e6) };
}

/** Requests that nobody measures. */
export async function someRequests(url, count) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
  const one = () => new Promise((resolve, reject) => {
    http.get(url, { agent, timeout: 10_000 }, (response) => response.resume().on('end', resolve)).on('error', reject);
  });
  try {
    await Promise.all(Array.from({ length: count }, one));
  } finally {
    agent.destroy();
  }
}

/** MB/s (10^6 bytes) of one large response. */
export async function download(url, bytes) {
  const [size, speed] = await curl(['-o', '/dev/null', '-w', '%{size_download} %{speed_download}', url]);
  expect(size === bytes, `${url}: ${size} bytes came instead of ${bytes}`);
  return speed / 1e6;
}

/** MB/s of one large request, whose size the function counts. */
export async function upload(url, file, bytes) {
  const [counted, speed] = await curl(['-T', file, '-H', 'Expect:', '-w', ' %{speed_upload}', url]);
  expect(counted === bytes, `${url}: the function saw ${counted} bytes instead of ${bytes}`);
  return speed / 1e6;
}

/**
 * Milliseconds from sending a request to the first chunk of a streamed body, one after the other on one connection. Who holds
 * most of them back until the end does not stream; of a few it may be the machine that stood still.
 */
export async function firstChunks(url, count) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const chunks = [];
  try {
    for (let i = 0; i < count; i++) {
      chunks.push(await firstChunk(url, agent));
    }
  } finally {
    agent.destroy();
  }
  expect(chunks.filter(({ heldBack }) => heldBack).length <= count / 2, `${url}: first chunks were held back until the end`);
  return chunks.map(({ milliseconds }) => milliseconds);
}

async function firstChunk(url, agent) {
  const start = performance.now();
  const response = await new Promise((resolve, reject) => {
    http.get(url, { agent, timeout: 10_000 }, resolve).on('error', reject);
  });
  let first = 0;
  let text = '';
  for await (const chunk of response) {
    first ||= performance.now();
    text += chunk;
  }
  expect(text === 'firstlast', `${url}: ${text}`);
  return { milliseconds: first - start, heldBack: performance.now() - first <= FirstChunkGapMs };
}

/** Waits until a server gives the right answer. */
export async function untilAnswers(url, expected, server, timeoutMs = 60_000) {
  const end = performance.now() + timeoutMs;
  let last = '';
  while (performance.now() < end && !server.hasEnded) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
      last = `${response.status} ${await response.text()}`;
      if (response.status === 200 && last === `200 ${expected}`) {
        return;
      }
    } catch (error) {
      last = String(error.cause ?? error);
    }
    await delay(100);
  }
  throw new Error(`${url} did not give the right answer: ${last.slice(0, 300)} (see ${server.logFile})`);
}

/** Waits until a server answers anything. */
export async function untilListens(url, server, timeoutMs = 60_000) {
  const end = performance.now() + timeoutMs;
  while (performance.now() < end && !server.hasEnded) {
    try {
      await (await fetch(url, { signal: AbortSignal.timeout(5000) })).arrayBuffer();
      return;
    } catch {
      await delay(100);
    }
  }
  throw new Error(`${url} does not answer (see ${server.logFile})`);
}

async function curl(args) {
  const output = await run('curl', ['--silent', '--show-error', '--fail', '--max-time', '60', ...args], { timeoutMs: 70_000 });
  return output.trim().split(/\s+/).map(Number);
}

function expect(condition, message) {
  if (!condition) {
    throw new Error(message);
  }
}
