// Who is measured, and how each is started. Ids are keys in the results.

import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { benchmarkProgram } from './processes.mjs';

const peersDirectory = join(import.meta.dirname, '..', 'peers');
const servers = join(peersDirectory, 'servers');
const modules = join(peersDirectory, 'node_modules');
const node = process.execPath;

export const Baseline = 'plain';
export const Subject = 'sandboxhost';
export const BareNode = 'bare';
export const Kestrel = 'kestrel';

/** Every peer answers at this path, so that all parse the same request. */
export const functionPath = '/.netlify/functions';

/**
 * connections: the numbers it is asked with; only one for those who are there to be placed, so that the whole run has room in
 * a quarter of an hour. bodies: whether it takes part in streaming. slow: seconds instead of
 * microseconds, so that few requests must do.
 */
export const peers = [
  nodePeer('plain', '`node:http`, plain `Request`/`Response`', 'the baseline: the same handler behind the plainest adapter'),
  {
    id: 'sandboxhost',
    label: 'SandboxHost',
    note: 'every sandbox layer on; one worker; `concurrency=64 max_workers=1 vcpu=2`',
    connections: [1, 16, 64],
    bodies: true,
    start: (port, work) => sandboxHost(port, siteIn(join(work, 'site-tuned')), [
      'concurrency=64', 'max_workers=1', 'vcpu=2',
      'streaming_size=1gb', 'request_size=1gb', 'streaming_time=60s', 'buffered_time=60s',
    ]),
  },
  {
    id: 'sandboxhost-default',
    label: 'SandboxHost, default limits',
    note: 'as installed: `concurrency=10`, half a vCPU a worker, more workers when busy',
    connections: [16, 64],
    bodies: false,
    start: (port, work) => sandboxHost(port, siteIn(join(work, 'site-default')), []),
  },
  {
    id: Kestrel,
    label: 'Kestrel alone',
    note: 'the server that the host is built on, with nothing behind it, for reference',
    version: '.NET, see above',
    connections: [1, 16, 64],
    bodies: false,
    start: (port) => ({
      command: 'dotnet',
      args: [benchmarkProgram, 'kestrel', String(port)],
    }),
  },
  {
    ...nodePeer('nginx', 'nginx → `node:http`', 'the baseline behind nginx, over connections that are kept; what one would put in front of it'),
    version: process.version,
  },
  nodePeer('bare', '`node:http` alone', 'no `Request`, no `Response`: `res.end("Hello, world!")`, for reference'),
  nodePeer('hono', '`@hono/node-server`', 'the fastest adapter for Node', versionOf('@hono/node-server')),
  { ...nodePeer('express', 'Express', 'no `Request`, no `Response`, for reference', versionOf('express')), connections: [16], bodies: false },
  {
    ...nodePeer('functions-framework', "Google's Functions Framework", 'what Knative and Google run as a container for each function; no isolation of its own', versionOf('@google-cloud/functions-framework')),
    connections: [16],
    bodies: false,
  },
  {
    id: 'workerd',
    label: 'workerd',
    note: "Cloudflare's runtime; an isolate in the server's process",
    version: versionOf('@cloudflare/workerd-linux-64'),
    connections: [16],
    bodies: true,
    start: (port) => ({
      command: join(modules, '@cloudflare/workerd-linux-64/bin/workerd'),
      args: ['serve', 'workerd.capnp', '--socket-addr', `http=127.0.0.1:${port}`],
      cwd: servers,
    }),
  },
  {
    id: 'deno',
    label: 'Deno',
    note: '`Deno.serve`; HTTP in Rust, no sandbox between functions',
    version: versionOf('@deno/linux-x64-glibc'),
    connections: [16],
    bodies: true,
    start: (port) => ({
      command: join(modules, '@deno/linux-x64-glibc/deno'),
      args: ['run', '--allow-net', '--no-config', '--no-lock', 'deno.mjs', String(port)],
      env: { DENO_NO_UPDATE_CHECK: '1' },
      cwd: servers,
    }),
  },
  {
    id: 'bun',
    label: 'Bun',
    note: '`Bun.serve`; HTTP in Zig and C++, no sandbox between functions',
    version: versionOf('@oven/bun-linux-x64'),
    connections: [16],
    bodies: true,
    start: (port) => ({
      command: join(modules, '@oven/bun-linux-x64/bin/bun'),
      args: ['bun.mjs', String(port)],
      env: { DO_NOT_TRACK: '1' },
      cwd: servers,
    }),
  },
  {
    id: 'netlify',
    label: "Netlify's own, locally",
    note: '`netlify functions:serve --offline`; few requests, because each takes long',
    version: versionOf('netlify-cli'),
    connections: [16],
    bodies: false,
    slow: true,
    start: netlify,
  },
];

function nodePeer(id, label, note, version = process.version) {
  return {
    id,
    label,
    note,
    version,
    connections: [1, 16, 64],
    bodies: true,
    start: (port) => ({ command: node, args: [`${id}.mjs`, String(port)], cwd: servers }),
  };
}

/** A site whose functions are copies of the handlers. */
function siteIn(directory) {
  rmSync(directory, { recursive: true, force: true });
  cpSync(join(peersDirectory, 'handlers'), join(directory, 'netlify', 'functions'), { recursive: true });
  return directory;
}

/** The built command itself, not ./sandboxhost, which would look for changes first. */
export function sandboxHost(port, site, limits, ...more) {
  const home = process.env.SANDBOXHOST_HOME;
  return {
    command: 'dotnet',
    args: [
      join(home, 'artifacts/bin/SandboxHost.Cli/release/sandboxhost.dll'), 'dev', site, '--port', String(port), '--quiet',
      ...limits.flatMap((limit) => ['--limit', limit]), ...more,
    ],
    cwd: home,
  };
}

function netlify(port, work) {
  const home = join(work, 'netlify-home');
  mkdirSync(home, { recursive: true });
  return {
    command: node,
    args: [join(modules, 'netlify-cli/bin/run.js'), 'functions:serve', '--offline', '--port', String(port)],
    env: { HOME: home, CI: 'true', NETLIFY_TELEMETRY_DISABLED: '1', BUILD_TELEMETRY_DISABLED: '1', NO_UPDATE_NOTIFIER: '1' },
    cwd: siteIn(join(work, 'site-netlify')),
  };
}

function versionOf(name) {
  return JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8')).version;
}
