// A host for tests: a real gRPC server (@grpc/grpc-js, the real .proto) on a Unix socket, and the bundled runner as a
// child process, as in a sandbox. A test says what the host sends and waits for the frames that come back.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const root = join(import.meta.dirname, '..', '..', '..', '..');
export const protoFile = join(root, 'protos', 'sandboxhost', 'worker', 'v1', 'worker.proto');
export const runnerFile = process.env.SANDBOXHOST_TEST_RUNNER ?? join(root, 'artifacts', 'runners', 'node', 'runner.cjs');

const loaderOptions = { keepCase: false, longs: Number, enums: String, defaults: true, oneofs: true };
const { WorkerService } = grpc.loadPackageDefinition(loadSync(protoFile, loaderOptions)).sandboxhost.worker.v1;

/** Fails after a time with the name of what did not happen, instead of hanging. */
export async function within(promise, what, milliseconds = 10_000) {
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`No ${what} within ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}

export class FakeHost {
  frames = [];
  #waiting = [];
  #session = null;

  /** Whether it ends its half of the session when the runner has ended its own, as the real host does. */
  endsSession = true;
  #server;
  lastId = 0;
  /** Handlers of body calls, by default a recorder of the response and an empty request. */
  onRequestBody = (call) => call.end();
  responseBodies = new Map();
  onResponseBody = null;
  /** The bytes of a code cache call, once it is over. */
  codeCache = new Promise((resolve) => {
    this.onCodeCache = resolve;
  });

  /** Starts a host, writes `files` as the function's directory and starts a runner on it. */
  static async start(files, { environment = {}, args = [], functionDirectory } = {}) {
    if (!existsSync(runnerFile)) throw new Error(`${runnerFile} does not exist: bundle the runner first (npm run bundle)`);
    const host = new FakeHost();
    host.directory = mkdtempSync(join(tmpdir(), 'runner-test-'));
    functionDirectory ??= join(host.directory, 'function');
    host.functionDirectory = functionDirectory;
    mkdirSync(functionDirectory, { recursive: true });
    for (const [name, text] of Object.entries(files)) {
      const file = join(functionDirectory, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    const socket = join(host.directory, 'host.sock');
    host.#server = new grpc.Server({ 'grpc.max_receive_message_length': 256 * 1024, 'grpc.max_concurrent_streams': 1000 });
    host.#server.addService(WorkerService.service, {
      session: (call) => host.#onSession(call),
      requestBody: (call) => host.onRequestBody(call, call.request.id),
      responseBody: (call, callback) => host.#onResponseBody(call, callback),
      codeCache: (call, callback) => {
        const chunks = [];
        call.on('data', ({ data }) => chunks.push(data));
        call.on('end', () => {
          callback(null, { bytes: 0 });
          host.onCodeCache(Buffer.concat(chunks));
        });
      },
    });
    await new Promise((resolve, reject) => {
      host.#server.bindAsync(`unix:${socket}`, grpc.ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve()));
    });
    host.process = spawn(process.execPath, [...args, runnerFile], {
      env: {
        PATH: process.env.PATH, HOME: host.directory, TMPDIR: host.directory, LANG: 'C.UTF-8', ...environment,
        SANDBOXHOST_SOCKET: socket, SANDBOXHOST_TOKEN: 'a-token', SANDBOXHOST_FUNCTION_DIR: functionDirectory,
      },
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    host.stderr = '';
    host.process.stderr.on('data', (text) => {
      host.stderr += text;
      if (process.env.SANDBOXHOST_TEST_VERBOSE) process.stderr.write(text);
    });
    host.exited = once(host.process, 'exit').then(([code, signal]) => {
      host.#notify();
      return signal ?? code;
    });
    try {
      await host.frame('hello');
    } catch (error) {
      await host.stop();
      throw error;
    }
    return host;
  }

  /** Starts a host whose runner serves `source` as its function. */
  static async serve(source, specialise = {}, options) {
    const files = typeof source === 'string' ? { 'hello.mjs': source } : source;
    const host = await FakeHost.start(files, options);
    host.specialise({ entry: Object.keys(files)[0], ...specialise });
    const { loadError } = await host.frame('specialised');
    if (loadError) await host.stop();
    if (loadError) throw new Error(`${loadError.type}: ${loadError.message}\n${loadError.trace.join('\n')}`);
    return host;
  }

  send(...frames) {
    this.#session.write({ frames });
  }

  specialise(specialise) {
    this.send({ specialise: {
      functionName: 'hello', entry: 'hello.mjs', environment: [], routes: ['/hello/:name'], accountId: 'account-1', region: 'dev',
      site: { id: 'site-1', name: 'my-site', url: 'https://my-site.example' },
      deploy: { id: 'deploy-1', context: 'production', published: true }, ...specialise,
    } });
  }

  /** An Invoke frame with a new id, to be sent. */
  invocation(invoke = {}) {
    const headers = Object.entries(invoke.headers ?? {}).flat();
    return {
      id: ++this.lastId, requestId: `request-${this.lastId}`, method: 'GET', url: 'http://localhost:8888/hello/world', clientIp: '10.1.2.3',
      route: -1, bodyKind: invoke.body ? 'BODY_KIND_COMPLETE' : 'BODY_KIND_UNSPECIFIED', deadlineUnixMs: Date.now() + 60_000,
      ...invoke, headers: Array.isArray(invoke.headers) ? invoke.headers : headers, body: invoke.body ? Buffer.from(invoke.body) : undefined,
    };
  }

  /** Sends one Invoke and returns its id. */
  invoke(invoke) {
    const frame = this.invocation(invoke);
    this.send({ invoke: frame });
    return frame.id;
  }

  /** Sends one Invoke and waits for the end: { response, ended, body, logs }. */
  async call(invoke) {
    const id = this.invoke(invoke);
    const ended = await this.end(id);
    const response = this.frames.find((frame) => frame.response?.id === id)?.response;
    const body = response?.bodyKind === 'BODY_KIND_STREAMED' ? Buffer.concat(await this.body(id)) : response?.body;
    return { id, response, ended, body, text: body?.toString(), headers: pairs(response?.headers ?? []), logs: this.logs(id) };
  }

  logs(id) {
    return this.frames.filter((frame) => frame.log?.id === id).map(({ log }) => log);
  }

  /** Waits for the end of an invocation: its Ended frame, or { outcome: COMPLETED } when its response ended it. */
  end(id) {
    return this.until((frame) => {
      if (frame.ended?.id === id) return frame.ended;
      return frame.response?.id === id && frame.response.ended ? { id, outcome: 'OUTCOME_COMPLETED', error: null, exitCode: 0 } : undefined;
    }, `end of invocation ${id}`);
  }

  response(id) {
    return this.frame('response', (response) => response.id === id);
  }

  /** Waits for a frame of a kind. Frames stay, so that what came earlier is found as well. */
  frame(kind, matches = () => true) {
    return this.until((frame) => (frame.kind === kind && matches(frame[kind]) ? frame[kind] : undefined), `'${kind}' frame`);
  }

  until(find, what) {
    const search = () => {
      for (const frame of this.frames) {
        const found = find(frame);
        if (found !== undefined) return found;
      }
      return undefined;
    };
    return within(new Promise((resolve, reject) => {
      const check = () => {
        const found = search();
        if (found !== undefined) resolve(found);
        else if (this.process?.exitCode !== null && this.process?.exitCode !== undefined) reject(new Error(`The runner exited with ${this.process.exitCode}: ${this.stderr}`));
        else this.#waiting.push(check);
      };
      check();
    }), what).catch((error) => {
      throw new Error(`${error.message}\nframes: ${JSON.stringify(this.frames.slice(-5))}\nstderr: ${this.stderr}`);
    });
  }

  /** The chunks of a streamed response, when its call is over. */
  body(id) {
    return within(this.#responseBody(id).done, `body of response ${id}`);
  }

  /** Breaks all connections, as a host that dies. */
  disconnect() {
    this.#server.forceShutdown();
  }

  async stop() {
    this.#session?.end();
    this.process.kill('SIGKILL');
    await this.exited;
    this.#server.forceShutdown();
    rmSync(this.directory, { recursive: true, force: true });
  }

  #onSession(call) {
    this.#session = call;
    call.on('data', ({ frames }) => {
      this.frames.push(...frames);
      this.#notify();
    });
    call.on('error', () => {});
    call.on('end', () => {
      this.sessionEnded = true;
      this.sessionEndedAt = performance.now();
      if (this.endsSession) call.end();
    });
  }

  #responseBody(id) {
    if (!this.responseBodies.has(id)) {
      const body = { chunks: [] };
      body.done = new Promise((resolve, reject) => Object.assign(body, { resolve, reject }));
      body.done.catch(() => {});
      this.responseBodies.set(id, body);
    }
    return this.responseBodies.get(id);
  }

  #onResponseBody(call, callback) {
    if (this.onResponseBody) {
      this.onResponseBody(call, callback);
      return;
    }
    let body = null;
    let bytes = 0;
    let whole = false;
    call.on('data', ({ id, data, last }) => {
      body ??= this.#responseBody(id);
      if (data.length > 64 * 1024) body.reject(new Error('A chunk is too large'));
      if (data.length > 0) body.chunks.push(data);
      bytes += data.length;
      whole ||= last;
      body.onChunk?.();
    });
    call.on('end', () => {
      callback(null, { bytes });
      if (whole) body.resolve(body.chunks);
      else body?.reject(new Error('The body was cut'));
    });
    call.on('cancelled', () => body?.reject(new Error('The body was cut')));
    call.on('error', () => {});
  }

  #notify() {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const check of waiting) check();
  }
}

/** Starts hosts for the tests of one file and stops them all at its end. */
export function hostsOf(after) {
  const hosts = [];
  after(() => Promise.all(hosts.map((host) => host.stop())));
  const keep = async (starting) => {
    const host = await starting;
    hosts.push(host);
    return host;
  };
  return {
    start: (...args) => keep(FakeHost.start(...args)),
    serve: (...args) => keep(FakeHost.serve(...args)),
  };
}

/** A flat header list as [name, value] pairs. */
export function pairs(flat) {
  const list = [];
  for (let index = 0; index < flat.length; index += 2) list.push([flat[index], flat[index + 1]]);
  return list;
}
