// How many invocations a second one runner serves, and what CPU each costs it, beside a bare node:http server that builds
// a plain Request and Response. The host here is raw frames on a socket, so that it is not what is measured.
//
//   node bench/throughput.mjs [path of runner.cjs]

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageReader } from '../src/grpc.mjs';
import { Flag, FrameReader, FrameType, writeFrameHeader } from '../src/http2-frames.mjs';
import { ProtoReader, ProtoWriter } from '../src/protobuf.mjs';

const runner = process.argv[2] ?? join(import.meta.dirname, '..', '..', '..', 'artifacts', 'runners', 'node', 'runner.cjs');
const directory = mkdtempSync(join(tmpdir(), 'runner-bench-'));

const Functions = {
  hello: `export default async () => new Response('Hello, world')`,
  json: `export default async (req) => Response.json({ name: req.headers.get('user-agent'), url: req.url }, { headers: { 'cache-control': 'no-store' } })`,
  url: `export default async (req, context) => { const url = new URL(req.url); return new Response('Hello ' + url.searchParams.get('name'), { status: 200, headers: { 'content-type': 'text/html', 'x-path': url.pathname } }); }`,
  log: `export default async (req) => { console.log('called', req.method, req.url); return new Response('ok'); }`,
};
const Headers = ['host', 'localhost:8888', 'user-agent', 'bench/1.0', 'accept', '*/*', 'accept-encoding', 'gzip, br', 'x-forwarded-for', '10.1.2.3',
  'x-forwarded-proto', 'https', 'cookie', 'a=1; b=2', 'accept-language', 'en'];

const cpuMilliseconds = (pid) => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ');
  return (Number(fields[13]) + Number(fields[14])) * 10;
};

function frame(type, flags, streamId, payload) {
  const buffer = Buffer.alloc(9 + payload.length);
  writeFrameHeader(buffer, 0, payload.length, type, flags, streamId);
  payload.copy(buffer, 9);
  return buffer;
}

function hostFrames(write) {
  const writer = new ProtoWriter();
  writer.position += 5;
  write(writer);
  const message = writer.take();
  message[0] = 0;
  message.writeUInt32BE(message.length - 5, 1);
  return message;
}

function writeInvoke(writer, id, acknowledge) {
  const outer = writer.open(1);
  const invoke = writer.open(3);
  writer.uint32(1, id);
  writer.string(2, '01JQ0000000000000000000000');
  writer.string(3, 'GET');
  writer.string(4, 'http://localhost:8888/.netlify/functions/hello?name=bench');
  for (const text of Headers) writer.string(5, text);
  writer.string(6, '10.1.2.3');
  writer.uint32(7, 1);
  writer.int64(10, 1_800_000_000_000);
  writer.bool(11, acknowledge);
  writer.close(invoke);
  writer.close(outer);
}

/** Serves one runner: calls back for each WorkerFrame with its kind's field number and its bytes. */
async function serveRunner(name, onFrame) {
  const socketPath = join(directory, `${name}.sock`);
  const server = createServer();
  server.listen(socketPath);
  await once(server, 'listening');
  const child = spawn(process.execPath, [runner], {
    stdio: 'inherit',
    env: { ...process.env, SANDBOXHOST_SOCKET: socketPath, SANDBOXHOST_TOKEN: 't', SANDBOXHOST_FUNCTION_DIR: directory },
  });
  const [socket] = await once(server, 'connection');
  socket.on('error', () => {});
  const window = Buffer.alloc(4);
  window.writeUInt32BE(0x3fff_ffff);
  socket.write(Buffer.concat([frame(FrameType.SETTINGS, 0, 0, Buffer.from([0, 4, 0x3f, 0xff, 0xff, 0xff])), frame(FrameType.WINDOW_UPDATE, 0, 0, window),
    frame(FrameType.HEADERS, Flag.END_HEADERS, 1, Buffer.from([0x88]))]));
  const messages = new MessageReader(1 << 20, (buffer, start, end) => {
    const reader = new ProtoReader(buffer, start, end);
    while (!reader.done) {
      reader.key();
      const inner = reader.message();
      onFrame(inner.key() >>> 3, inner.message());
    }
  });
  // The real host grants the windows as it reads; here they are topped up far ahead of need.
  let received = 0;
  const frames = new FrameReader(1 << 20, (type, flags, streamId, buffer, start, end) => {
    if (type !== FrameType.DATA) return;
    messages.push(buffer, start, end);
    received += end - start;
    if (received < 1 << 28) return;
    const update = Buffer.alloc(4);
    update.writeUInt32BE(received);
    socket.write(Buffer.concat([frame(FrameType.WINDOW_UPDATE, 0, 0, update), frame(FrameType.WINDOW_UPDATE, 0, 1, update)]));
    received = 0;
  });
  let preface = 24;
  socket.on('data', (data) => {
    const skipped = Math.min(preface, data.length);
    preface -= skipped;
    frames.push(data, skipped, data.length);
  });
  return { child, send: (write) => socket.write(frame(FrameType.DATA, 0, 1, hostFrames(write))), stop: () => { socket.destroy(); server.close(); return once(child, 'exit'); } };
}

async function measureRunner(name, concurrency, acknowledge, milliseconds) {
  let nextId = 0;
  let answered = 0;
  let due = 0;
  let sending = false;
  let running = true;
  const waiting = new Map();
  const frameOf = (kind) => new Promise((resolve) => waiting.set(kind, resolve));
  const latencies = [];
  const sentAt = new Map();
  const flush = () => {
    sending = false;
    const count = due;
    due = 0;
    if (count === 0 || !running) return;
    host.send((writer) => {
      for (let index = 0; index < count; index++) {
        if (concurrency === 1) sentAt.set(nextId + 1, process.hrtime.bigint());
        writeInvoke(writer, ++nextId, acknowledge);
      }
    });
  };
  const host = await serveRunner(`${name}-${concurrency}-${acknowledge}`, (kind, message) => {
    waiting.get(kind)?.();
    if (kind !== 5) return;
    answered++;
    due++;
    if (concurrency === 1) {
      latencies.push(Number(process.hrtime.bigint() - sentAt.get(answered)));
      sentAt.delete(answered);
    }
    if (!sending) {
      sending = true;
      setImmediate(flush);
    }
    void message;
  });
  const specialised = frameOf(3);
  await new Promise((resolve) => setTimeout(resolve, 200));
  host.send((writer) => {
    const outer = writer.open(1);
    const specialise = writer.open(2);
    writer.string(2, `${name}.mjs`);
    writer.close(specialise);
    writer.close(outer);
  });
  await specialised;
  due = concurrency;
  flush();
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const [answeredBefore, cpuBefore, startedAt] = [answered, cpuMilliseconds(host.child.pid), performance.now()];
  latencies.length = 0;
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  const count = answered - answeredBefore;
  const seconds = (performance.now() - startedAt) / 1000;
  const cpu = (cpuMilliseconds(host.child.pid) - cpuBefore) * 1000 / count;
  running = false;
  await host.stop();
  latencies.sort((a, b) => a - b);
  const latency = concurrency === 1 ? `  median ${(latencies[latencies.length >> 1] / 1000).toFixed(0)} µs` : '';
  return `${(count / seconds).toFixed(0).padStart(7)}/s  ${cpu.toFixed(1).padStart(5)} µs CPU each${latency}`;
}

const BareServer = `
import http from 'node:http';
const { default: handler } = await import(process.argv[1]);
http.createServer(async (incoming, outgoing) => {
  const headers = new Headers();
  for (let index = 0; index < incoming.rawHeaders.length; index += 2) headers.append(incoming.rawHeaders[index], incoming.rawHeaders[index + 1]);
  const response = await handler(new Request('http://' + incoming.headers.host + incoming.url, { method: incoming.method, headers }), {});
  outgoing.writeHead(response.status, [...response.headers].flat());
  outgoing.end(Buffer.from(await response.arrayBuffer()));
}).listen(0, function () { process.send(this.address().port); });
`;

async function measureBare(name, concurrency, milliseconds) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', BareServer, join(directory, `${name}.mjs`)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const [port] = await once(child, 'message');
  const pairs = [];
  for (let index = 0; index < Headers.length; index += 2) pairs.push(`${Headers[index]}: ${Headers[index + 1]}\r\n`);
  const request = Buffer.from(`GET /.netlify/functions/hello?name=bench HTTP/1.1\r\n${pairs.join('')}\r\n`);
  let answered = 0;
  const sockets = Array.from({ length: concurrency }, () => {
    const socket = connect(port, '127.0.0.1', () => socket.write(request));
    socket.on('data', () => {
      answered++;
      socket.write(request);
    });
    socket.on('error', () => {});
    return socket;
  });
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const [answeredBefore, cpuBefore, startedAt] = [answered, cpuMilliseconds(child.pid), performance.now()];
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  const count = answered - answeredBefore;
  const seconds = (performance.now() - startedAt) / 1000;
  const cpu = (cpuMilliseconds(child.pid) - cpuBefore) * 1000 / count;
  for (const socket of sockets) socket.destroy();
  child.kill();
  await once(child, 'exit');
  return `${(count / seconds).toFixed(0).padStart(7)}/s  ${cpu.toFixed(1).padStart(5)} µs CPU each`;
}

for (const [name, source] of Object.entries(Functions)) writeFileSync(join(directory, `${name}.mjs`), source);
try {
  for (const name of Object.keys(Functions)) {
    for (const concurrency of [1, 16, 64]) {
      if (concurrency !== 16 && name !== 'hello') continue;
      console.log(`${name.padEnd(6)} ${String(concurrency).padStart(3)}  runner     ${await measureRunner(name, concurrency, false, 2500)}`);
      console.log(`${name.padEnd(6)} ${String(concurrency).padStart(3)}  + Accepted ${await measureRunner(name, concurrency, true, 2500)}`);
      console.log(`${name.padEnd(6)} ${String(concurrency).padStart(3)}  node:http  ${await measureBare(name, concurrency, 2500)}`);
    }
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
