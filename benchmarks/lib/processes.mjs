// Processes under measurement: started bound to this one's life, looked at through /proc, ended by pid.

import { spawn } from 'node:child_process';
import { mkdirSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** The unit of times in /proc/PID/stat; a constant of the kernel's interface. */
const TicksPerSecond = 100;
const StopGraceMs = 15_000;

/** The C# part of the benchmarks. */
export const benchmarkProgram = join(process.env.SANDBOXHOST_HOME, 'artifacts/bin/SandboxHost.Benchmarks/release/SandboxHost.Benchmarks.dll');

const running = new Set();

/** A server that ends with us, however we end: the kernel signals it when its parent dies. */
export class Server {
  #child;
  #ended;

  constructor({ command, args, env, cwd }, logFile) {
    mkdirSync(dirname(logFile), { recursive: true });
    const log = openSync(logFile, 'w');
    this.#child = spawn('setpriv', ['--pdeathsig', 'TERM', command, ...args], {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', log, log],
      // A Ctrl-C at the terminal goes to us; we stop the servers in order.
      detached: true,
    });
    this.logFile = logFile;
    this.#ended = new Promise((resolve) => {
      this.#child.on('error', resolve);
      this.#child.on('exit', resolve);
    });
    this.#ended.then(() => running.delete(this));
    running.add(this);
  }

  get pid() { return this.#child.pid; }
  get hasEnded() { return this.#child.exitCode !== null || this.#child.signalCode !== null; }

  async stop() {
    this.#signal('SIGTERM');
    await Promise.race([this.#ended, delay(StopGraceMs, null, { ref: false })]);
    if (!this.hasEnded) {
      this.#signal('SIGKILL');
      await this.#ended;
    }
  }

  #signal(name) {
    try {
      process.kill(this.pid, name);
    } catch {
      // It is gone already.
    }
  }
}

export async function stopAll() {
  await Promise.all([...running].map((server) => server.stop()));
}

/** Runs a program to its end and gives what it printed. */
export async function run(command, args, { timeoutMs = 60_000, env = {} } = {}) {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', command, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (data) => { output += data; });
  child.stderr.on('data', (data) => { errors += data; });
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code !== 0) {
    throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${errors}`);
  }
  return output;
}

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The pids below a process, itself excluded. */
export function descendants(pid) {
  const children = new Map();
  for (const entry of readdirSync('/proc')) {
    const stat = /^\d+$/.test(entry) ? readStat(entry) : null;
    if (stat !== null) {
      children.set(stat.parent, [...(children.get(stat.parent) ?? []), Number(entry)]);
    }
  }
  const found = [];
  for (let queue = [pid]; queue.length > 0;) {
    const below = children.get(queue.pop()) ?? [];
    found.push(...below);
    queue.push(...below);
  }
  return found;
}

/** The Node processes below a host: its workers and placeholders. */
export function workersBelow(pid) {
  return descendants(pid).filter((child) => {
    try {
      return basename(readlinkSync(`/proc/${child}/exe`)) === 'node';
    } catch {
      return false;
    }
  });
}

/** CPU time used so far, in microseconds; of a process that is gone, 0. */
export function cpuMicroseconds(pid) {
  const stat = readStat(pid);
  return stat === null ? 0 : stat.ticks * (1e6 / TicksPerSecond);
}

/** CPU time of this process and of the children that have ended, in microseconds. */
export function ownCpuMicroseconds() {
  const { ticks, childTicks } = readStat('self');
  return (ticks + childTicks) * (1e6 / TicksPerSecond);
}

/** CPU time of the whole machine since it started, in microseconds, and what the hypervisor took away. */
export function machineCpu() {
  const [user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'latin1').split('\n', 1)[0].trim().split(/\s+/).slice(1).map(Number);
  return { busy: (user + nice + system + irq + softirq) * (1e6 / TicksPerSecond), stolen: steal * (1e6 / TicksPerSecond) };
}

/** Resident, proportional and private memory in MB; null where the kernel does not tell. */
export function memoryOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    const megabytes = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)[1]) / 1024;
    return { rss: megabytes('Rss'), pss: megabytes('Pss'), private: megabytes('Private_Clean') + megabytes('Private_Dirty') };
  } catch {
    return null;
  }
}

function readStat(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may hold anything.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return {
      parent: Number(fields[1]),
      ticks: Number(fields[11]) + Number(fields[12]),
      childTicks: Number(fields[13]) + Number(fields[14]),
    };
  } catch {
    return null;
  }
}
