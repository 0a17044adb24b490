import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import http2 from 'node:http2';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { encodeHeaders } from '../src/hpack.mjs';
import { FrameType, writeFrameHeader } from '../src/http2-frames.mjs';
import { Http2Connection } from '../src/http2.mjs';
import { StreamWindowBytes } from '../src/http2-stream.mjs';
import { within } from './support/fake-host.mjs';
import { Random } from './support/random.mjs';

const directory = mkdtempSync(join(tmpdir(), 'runner-http2-'));
after(() => rmSync(directory, { recursive: true, force: true }));
let sockets = 0;

const request = encodeHeaders([[':method', 'POST'], [':scheme', 'http'], [':path', '/'], [':authority', 'localhost'], ['content-type', 'application/grpc']]);

async function listen(t, server) {
  const path = join(directory, `${++sockets}.sock`);
  await new Promise((resolve) => server.listen(path, resolve));
  const open = new Set();
  server.on('connection', (socket) => open.add(socket));
  t.after(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return path;
}

/** A node:http2 server that echoes, and a connection to it. */
async function echoServer(t, options = {}, through = (path) => path) {
  const server = http2.createServer(options);
  server.on('stream', (stream) => {
    stream.respond({ ':status': 200, 'x-long': 'y'.repeat(options.headerBytes ?? 0) });
    stream.pipe(stream);
    stream.on('error', () => {});
  });
  const path = await through(await listen(t, server), t);
  return new Http2Connection(path, () => {});
}

/** Sends data on a new stream and resolves with what came back. Credits are given as it comes. */
function exchange(connection, data, chunkBytes = 10_000) {
  return within(new Promise((resolve, reject) => {
    const received = [];
    const stream = connection.open(request, {
      onHeaders: () => {},
      onData: (buffer, start, end) => {
        received.push(Buffer.from(buffer.subarray(start, end)));
        stream.credit(end - start);
      },
      onClose: (code) => (code === 0 ? resolve(Buffer.concat(received)) : reject(new Error(`closed with ${code}`))),
    });
    for (let position = 0; position < data.length; position += chunkBytes) {
      stream.send(Buffer.concat([Buffer.alloc(9), data.subarray(position, position + chunkBytes)]), position + chunkBytes >= data.length);
    }
  }), 'echo');
}

const someData = (bytes) => {
  const random = new Random(bytes);
  return Buffer.from(Array.from({ length: bytes }, () => random.below(256)));
};

for (const [name, options] of [
  ['with its defaults', {}],
  ['that grants windows of a few bytes', { settings: { initialWindowSize: 7 } }],
  ['that pads its frames', { paddingStrategy: http2.constants.PADDING_STRATEGY_MAX }],
  ['that takes larger frames', { settings: { maxFrameSize: 1 << 20, initialWindowSize: 1 << 24 } }],
  ['that allows one stream at a time', { settings: { maxConcurrentStreams: 1 } }],
  ['whose headers need continuation frames', { headerBytes: 40_000, maxSendHeaderBlockLength: 1 << 20 }],
]) {
  test(`data comes back whole from a peer ${name}`, async (t) => {
    const size = options.settings?.initialWindowSize === 7 ? 3000 : 300_000;
    const connection = await echoServer(t, options);
    const data = someData(size);

    const echoes = await Promise.all(Array.from({ length: 5 }, () => exchange(connection, data)));

    for (const echo of echoes) assert.ok(echo.equals(data));
  });
}

/** A pipe between runner and peer that cuts what it passes on, in both directions. */
const cutting = (pieceBytes) => async (path, t) => listen(t, net.createServer((near) => {
  const far = net.connect(path);
  for (const [from, to] of [[near, far], [far, near]]) {
    from.on('data', (data) => {
      for (let position = 0; position < data.length;) {
        const length = pieceBytes();
        to.write(data.subarray(position, position + length));
        position += length;
      }
    });
    from.on('close', () => to.destroy());
    from.on('error', () => {});
    to.setNoDelay?.();
  }
}));

test('data comes back whole when every byte travels alone', async (t) => {
  const connection = await echoServer(t, {}, cutting(() => 1));
  const data = someData(20_000);

  assert.ok((await exchange(connection, data)).equals(data));
});

test('a stream whose data nobody credits stops at its window and stops no other', async (t) => {
  const connection = await echoServer(t);
  let received = 0;
  const reached = Promise.withResolvers();
  const stream = connection.open(request, {
    onHeaders: () => {},
    onData: (buffer, start, end) => {
      received += end - start;
      if (received === StreamWindowBytes) reached.resolve();
    },
    onClose: () => {},
  });
  const chunk = Buffer.alloc(10_009);
  for (let count = 0; count < 100; count++) stream.send(Buffer.from(chunk));
  await within(reached.promise, 'full window');

  const data = someData(100_000);
  assert.ok((await exchange(connection, data)).equals(data));
  assert.equal(received, StreamWindowBytes);
});

test('a writer is told when the peer has made room', async (t) => {
  const connection = await echoServer(t, { settings: { initialWindowSize: 100 } });
  const stream = connection.open(request, { onHeaders: () => {}, onData: (buffer, start, end) => stream.credit(end - start), onClose: () => {} });
  for (let count = 0; count < 20; count++) {
    stream.send(Buffer.alloc(9 + 500));
    if (!stream.writable) await within(stream.whenWritable(), 'room');
    assert.equal(stream.pendingBytes, 0);
  }
});

test('a stream that is reset while it waits for its turn is never opened', async (t) => {
  const connection = await echoServer(t, { settings: { maxConcurrentStreams: 1 } });
  const first = exchange(connection, Buffer.alloc(1));
  const second = connection.open(request, { onHeaders: () => {}, onData: () => {}, onClose: () => {} });
  second.reset(8);
  await first;

  await exchange(connection, Buffer.alloc(1));

  assert.equal(second.id, 0);
});

/** A peer that says what it is told to, and a promise of what the connection makes of it. */
async function rawPeer(t, bytes) {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.resume();
    socket.write(bytes);
  });
  const path = await listen(t, server);
  return within(new Promise((resolve) => {
    const connection = new Http2Connection(path, resolve);
    connection.open(request, { onHeaders: () => {}, onData: () => {}, onClose: () => {} });
  }), 'end of the connection');
}

const frame = (type, flags, streamId, payload = []) => {
  const buffer = Buffer.alloc(9 + payload.length);
  writeFrameHeader(buffer, 0, payload.length, type, flags, streamId);
  buffer.set(payload, 9);
  return buffer;
};

for (const [name, bytes, message] of [
  ['a frame that is too large', frame(FrameType.DATA, 0, 1).fill(0xff, 0, 3), /A frame of/],
  ['a push promise', frame(FrameType.PUSH_PROMISE, 4, 1, [0, 0, 0, 2]), /push/],
  ['a header block that is interrupted', Buffer.concat([frame(FrameType.HEADERS, 0, 1, [0x88]), frame(FrameType.PING, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0])]), /interrupted/],
  ['a continuation of nothing', frame(FrameType.CONTINUATION, 4, 1, [0x88]), /continues nothing/],
  ['endless continuations', Buffer.concat([frame(FrameType.HEADERS, 0, 1, [0x88]), ...Array.from({ length: 10 }, () => frame(FrameType.CONTINUATION, 0, 1, Buffer.alloc(10_000)))]), /too large/],
  ['more padding than payload', frame(FrameType.DATA, 8, 1, [5, 0]), /padding/],
  ['settings of a wrong size', frame(FrameType.SETTINGS, 0, 0, [1, 2, 3]), /SETTINGS/],
  ['a window that is too large', frame(FrameType.SETTINGS, 0, 0, [0, 4, 0xff, 0xff, 0xff, 0xff]), /initial window/],
  ['a window that overflows', Buffer.concat([frame(FrameType.WINDOW_UPDATE, 0, 0, [0x7f, 0xff, 0xff, 0xff])]), /overflowed/],
  ['more data than the window allows', Buffer.concat(Array.from({ length: 20 }, () => frame(FrameType.DATA, 0, 1, Buffer.alloc(16_384)))), /window allows/],
  ['a goaway with an error', frame(FrameType.GOAWAY, 0, 0, [0, 0, 0, 0, 0, 0, 0, 11, 0x6e, 0x6f]), /code 11: no/],
]) {
  test(`${name} ends the connection with an error`, async (t) => {
    assert.match((await rawPeer(t, bytes)).message, message);
  });
}

test('random bytes never do more than end the connection', async (t) => {
  const random = new Random(11);
  for (let round = 0; round < 30; round++) {
    const frames = Array.from({ length: 20 }, () => frame(random.below(11), random.below(256), random.below(4), random.bytes().subarray(0, random.below(30))));

    const error = await rawPeer(t, Buffer.concat([...frames, frame(FrameType.GOAWAY, 0, 0, [0, 0, 0, 0, 0, 0, 0, 1])]));

    assert.ok(['Http2Error', 'GrpcError'].includes(error.name), error.stack);
  }
});
