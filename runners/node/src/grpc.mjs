// gRPC on an HTTP/2 stream: a call's headers, and messages with their five bytes in front.

import { Buffer } from 'node:buffer';
import { encodeHeaders } from './hpack.mjs';
import { FrameHeaderBytes } from './http2-frames.mjs';

export const MessagePrefixBytes = 5;
/** Room in front of an outgoing message for gRPC's prefix and HTTP/2's frame header. */
export const HeadroomBytes = FrameHeaderBytes + MessagePrefixBytes;

/** The peer's messages are not gRPC, compressed, or larger than the contract allows. */
export class GrpcError extends Error {
  name = 'GrpcError';
}

export function callHeaders(method) {
  return encodeHeaders([
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', `/sandboxhost.worker.v1.WorkerService/${method}`],
    [':authority', 'localhost'],
    ['te', 'trailers'],
    ['content-type', 'application/grpc'],
  ]);
}

/** Writes gRPC's prefix into the headroom of `buffer`, whose message begins at HeadroomBytes. */
export function writeMessagePrefix(buffer) {
  buffer[FrameHeaderBytes] = 0;
  buffer.writeUInt32BE(buffer.length - HeadroomBytes, FrameHeaderBytes + 1);
}

/**
 * Finds messages in data that is cut anywhere and calls `onMessage(buffer, start, end)` for each. A message that came in
 * one piece is passed where it lies.
 */
export class MessageReader {
  #maxMessageBytes;
  #onMessage;
  #prefix = Buffer.alloc(MessagePrefixBytes);
  #prefixBytes = 0;
  #message = null;
  #messageBytes = 0;

  constructor(maxMessageBytes, onMessage) {
    this.#maxMessageBytes = maxMessageBytes;
    this.#onMessage = onMessage;
  }

  /** Bytes held of a message whose rest has not come. */
  get heldBytes() {
    return this.#prefixBytes + this.#messageBytes;
  }

  push(buffer, start, end) {
    let position = start;
    while (position < end) {
      if (this.#message !== null) {
        position = this.#continueMessage(buffer, position, end);
      } else if (this.#prefixBytes > 0 || end - position < MessagePrefixBytes) {
        position = this.#continuePrefix(buffer, position, end);
      } else {
        const length = this.#checkedLength(buffer, position);
        position += MessagePrefixBytes;
        if (end - position >= length) {
          this.#onMessage(buffer, position, position + length);
          position += length;
        } else {
          this.#message = Buffer.allocUnsafeSlow(length);
        }
      }
    }
  }

  #continuePrefix(buffer, position, end) {
    const taken = Math.min(MessagePrefixBytes - this.#prefixBytes, end - position);
    buffer.copy(this.#prefix, this.#prefixBytes, position, position + taken);
    this.#prefixBytes += taken;
    if (this.#prefixBytes === MessagePrefixBytes) {
      this.#prefixBytes = 0;
      const length = this.#checkedLength(this.#prefix, 0);
      if (length === 0) this.#onMessage(this.#prefix, 0, 0);
      else this.#message = Buffer.allocUnsafeSlow(length);
    }
    return position + taken;
  }

  #continueMessage(buffer, position, end) {
    const message = this.#message;
    const taken = Math.min(message.length - this.#messageBytes, end - position);
    buffer.copy(message, this.#messageBytes, position, position + taken);
    this.#messageBytes += taken;
    if (this.#messageBytes === message.length) {
      this.#message = null;
      this.#messageBytes = 0;
      this.#onMessage(message, 0, message.length);
    }
    return position + taken;
  }

  #checkedLength(buffer, at) {
    if (buffer[at] !== 0) throw new GrpcError('A compressed message came, though none was asked for.');
    const length = buffer.readUInt32BE(at + 1);
    if (length > this.#maxMessageBytes) throw new GrpcError(`A message of ${length} bytes came; ${this.#maxMessageBytes} are allowed.`);
    return length;
  }
}
