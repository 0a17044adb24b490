import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GrpcError, MessageReader } from '../src/grpc.mjs';
import { decodePlainHeaders, encodeHeaders } from '../src/hpack.mjs';
import { FrameReader, Http2Error, writeFrameHeader } from '../src/http2-frames.mjs';
import { Random } from './support/random.mjs';

/** The bytes cut as `next` says: each call gives the length of the next piece. */
function feed(reader, bytes, next) {
  // Every piece lies alone in fresh memory that is overwritten afterwards, except that readers may keep what they were given.
  for (let position = 0; position < bytes.length;) {
    const length = Math.min(next(), bytes.length - position);
    const piece = Buffer.alloc(length + 7, 0xee);
    bytes.copy(piece, 3, position, position + length);
    reader.push(piece, 3, 3 + length);
    position += length;
  }
}

const cuts = [['in one piece', () => () => Infinity], ['a byte at a time', () => () => 1], ['at random', () => { const random = new Random(9); return () => 1 + random.below(40); }],
  ['in large pieces', () => { const random = new Random(8); return () => 1 + random.below(100_000); }]];

for (const [name, cutter] of cuts) {
  test(`frames are found in bytes that come ${name}`, () => {
    const random = new Random(5);
    const frames = Array.from({ length: 200 }, () => ({ type: random.below(256), flags: random.below(256), streamId: random.below(2 ** 31), payload: random.bytes() }));
    const bytes = Buffer.concat(frames.map(({ type, flags, streamId, payload }) => {
      const frame = Buffer.alloc(9 + payload.length);
      writeFrameHeader(frame, 0, payload.length, type, flags, streamId);
      payload.copy(frame, 9);
      return frame;
    }));
    const found = [];

    feed(new FrameReader(65_536, (type, flags, streamId, buffer, start, end) => found.push({ type, flags, streamId, payload: Buffer.from(buffer.subarray(start, end)) })), bytes, cutter());

    assert.deepEqual(found, frames);
  });

  test(`gRPC messages are found in data that comes ${name}`, () => {
    const random = new Random(6);
    const messages = Array.from({ length: 200 }, () => random.bytes());
    const bytes = Buffer.concat(messages.flatMap((message) => {
      const prefix = Buffer.alloc(5);
      prefix.writeUInt32BE(message.length, 1);
      return [prefix, message];
    }));
    const found = [];
    const reader = new MessageReader(65_536, (buffer, start, end) => found.push(Buffer.from(buffer.subarray(start, end))));

    feed(reader, bytes, cutter());

    assert.deepEqual(found, messages);
    assert.equal(reader.heldBytes, 0);
  });
}

test('a frame larger than announced and a message larger than allowed are refused before they are stored', () => {
  const frame = Buffer.alloc(9);
  writeFrameHeader(frame, 0, 65_537, 0, 0, 1);
  assert.throws(() => new FrameReader(65_536, () => {}).push(frame, 0, 9), Http2Error);

  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(262_145, 1);
  assert.throws(() => new MessageReader(262_144, () => {}).push(prefix, 0, 5), GrpcError);
});

test('a compressed message is refused', () => {
  assert.throws(() => new MessageReader(100, () => {}).push(Buffer.from([1, 0, 0, 0, 0]), 0, 5), /compressed/);
});

test('plain header literals are read, and everything else is stepped over', () => {
  const block = Buffer.concat([Buffer.from([0x20, 0x88, 0x5f, 0x02, 0x61, 0x62]), encodeHeaders([['grpc-status', '7'], ['grpc-message', 'no']]), Buffer.from([0x40, 0x81, 0xff, 0x01, 0x61]), encodeHeaders([['x', 'y']])]);

  assert.deepEqual([...decodePlainHeaders(block)], [['grpc-status', '7'], ['grpc-message', 'no'], ['x', 'y']]);
});

test('a header block that is cut does not run away', () => {
  const block = encodeHeaders([['grpc-status', '7'], ['grpc-message', 'a longer text']]);
  for (let length = 0; length < block.length; length++) assert.ok(decodePlainHeaders(block.subarray(0, length)).size <= 2);
});
