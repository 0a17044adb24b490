// The two halves of the protobuf wire format that the messages of the worker link need. Nothing here knows a message.
//
// Both work on Buffers in place: a reader decodes only what it is asked for, a writer fills one growing slab.

import { Buffer } from 'node:buffer';

export const WireType = { VARINT: 0, FIXED64: 1, BYTES: 2, FIXED32: 5 };

/** The bytes of a message do not follow the wire format. The session cannot go on after it. */
export class MalformedMessageError extends Error {
  name = 'MalformedMessageError';
}

/** Reads the fields of one message from `buffer[position, end)`. Throws MalformedMessageError, never reads past the end. */
export class ProtoReader {
  constructor(buffer, position, end) {
    this.buffer = buffer;
    this.position = position;
    this.end = end;
  }

  get done() {
    return this.position >= this.end;
  }

  /** The next field's key: `number << 3 | wire type`. */
  key() {
    const key = this.varint32();
    if (key >>> 3 === 0) throw new MalformedMessageError('A field has the number 0.');
    return key;
  }

  /** An unsigned varint of which the low 32 bits count, as for uint32, enums and lengths. */
  varint32() {
    const buffer = this.buffer;
    let position = this.position;
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (position >= this.end) throw new MalformedMessageError('A message ends inside a number.');
      const byte = buffer[position++];
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.position = position;
        return value >>> 0;
      }
    }
    throw new MalformedMessageError('A number is longer than ten bytes.');
  }

  /** A varint as int64. Exact up to 2^53, which is more than any time or length here. */
  int64() {
    const start = this.position;
    const low = this.varint32();
    const length = this.position - start;
    if (length <= 4) return low;
    let high = 0;
    // The first byte that holds a bit above 31 is the fifth: it carries bits 28 to 34.
    for (let index = 4; index < length; index++) {
      const bits = this.buffer[start + index] & 0x7f;
      high |= index === 4 ? bits >>> 4 : bits << (3 + (index - 5) * 7);
    }
    return high * 0x1_0000_0000 + low;
  }

  sint32() {
    const value = this.varint32();
    return (value >>> 1) ^ -(value & 1);
  }

  bool() {
    return this.varint32() !== 0;
  }

  /** Reads a length and steps over as many bytes. They are `buffer[position - length, position)` afterwards. */
  span() {
    const length = this.varint32();
    if (length > this.end - this.position) throw new MalformedMessageError('A message ends inside a field.');
    this.position += length;
    return length;
  }

  string() {
    const length = this.span();
    return length === 0 ? '' : this.buffer.utf8Slice(this.position - length, this.position);
  }

  /** The field's bytes, not copied. */
  bytes() {
    const length = this.span();
    return this.buffer.subarray(this.position - length, this.position);
  }

  message() {
    const length = this.span();
    return new ProtoReader(this.buffer, this.position - length, this.position);
  }

  skip(key) {
    switch (key & 7) {
      case WireType.VARINT: this.varint32(); break;
      case WireType.FIXED64: this.#advance(8); break;
      case WireType.BYTES: this.span(); break;
      case WireType.FIXED32: this.#advance(4); break;
      default: throw new MalformedMessageError(`A field has the unknown wire type ${key & 7}.`);
    }
  }

  #advance(length) {
    if (length > this.end - this.position) throw new MalformedMessageError('A message ends inside a field.');
    this.position += length;
  }
}

const SlabBytes = 64 * 1024;
// Lengths of nested messages are written after their content. Three bytes, padded, hold up to 2 MiB; the wire format
// allows the padding, and it saves moving or measuring the content.
const LengthBytes = 3;

/** Appends fields to a slab. `take` cuts off what was written since the last `take`; the slab is not reused for other bytes. */
export class ProtoWriter {
  #start = 0;

  constructor() {
    this.buffer = Buffer.allocUnsafeSlow(SlabBytes);
    this.position = 0;
  }

  get length() {
    return this.position - this.#start;
  }

  take() {
    const taken = this.buffer.subarray(this.#start, this.position);
    this.#start = this.position;
    return taken;
  }

  /** Makes room for `length` more bytes. Call before the raw writes below. */
  reserve(length) {
    if (this.buffer.length - this.position < length) this.#grow(length);
  }

  #grow(length) {
    const written = this.position - this.#start;
    const slab = Buffer.allocUnsafeSlow(Math.max(SlabBytes, (written + length) * 2));
    this.buffer.copy(slab, 0, this.#start, this.position);
    this.buffer = slab;
    this.#start = 0;
    this.position = written;
  }

  varint(value) {
    const buffer = this.buffer;
    let position = this.position;
    while (value > 0x7f) {
      buffer[position++] = (value & 0x7f) | 0x80;
      value >>>= 7;
    }
    buffer[position++] = value;
    this.position = position;
  }

  uint32(number, value) {
    if (value === 0) return;
    this.reserve(7);
    this.buffer[this.position++] = number << 3;
    this.varint(value >>> 0);
  }

  /** Both int32 and int64: negative values take ten bytes on the wire. */
  int64(number, value) {
    if (value === 0) return;
    this.reserve(12);
    this.buffer[this.position++] = number << 3;
    let low = value >>> 0;
    let high = Math.floor(value / 0x1_0000_0000) >>> 0;
    while (high !== 0 || low > 0x7f) {
      this.buffer[this.position++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.buffer[this.position++] = low;
  }

  bool(number, value) {
    if (!value) return;
    this.reserve(2);
    this.buffer[this.position++] = number << 3;
    this.buffer[this.position++] = 1;
  }

  /** Writes the field even when it is empty, as the elements of a repeated field need. */
  string(number, value) {
    const length = value.length;
    if (length < 43) {
      // At most 3 bytes a UTF-16 unit: the length fits one byte, so the text can be written before it is known.
      this.reserve(length * 3 + 2);
      const buffer = this.buffer;
      const position = this.position;
      buffer[position] = (number << 3) | WireType.BYTES;
      const written = length === 0 ? 0 : buffer.utf8Write(value, position + 2, length * 3);
      buffer[position + 1] = written;
      this.position = position + 2 + written;
      return;
    }
    const bytes = Buffer.byteLength(value);
    this.reserve(bytes + 7);
    this.buffer[this.position++] = (number << 3) | WireType.BYTES;
    this.varint(bytes);
    this.position += this.buffer.utf8Write(value, this.position, bytes);
  }

  bytes(number, value) {
    const length = value.length;
    if (length === 0) return;
    this.reserve(length + 7);
    this.buffer[this.position++] = (number << 3) | WireType.BYTES;
    this.varint(length);
    this.buffer.set(value, this.position);
    this.position += length;
  }

  /** Opens a nested message. `close` needs how far behind `take`'s cut it began, which survives a growing slab. */
  open(number) {
    this.reserve(1 + LengthBytes);
    this.buffer[this.position++] = (number << 3) | WireType.BYTES;
    this.position += LengthBytes;
    return this.position - this.#start;
  }

  close(opened) {
    const start = opened + this.#start;
    const length = this.position - start;
    this.buffer[start - 3] = (length & 0x7f) | 0x80;
    this.buffer[start - 2] = ((length >>> 7) & 0x7f) | 0x80;
    this.buffer[start - 1] = length >>> 14;
  }
}
