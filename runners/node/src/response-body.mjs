// A response body on a call of its own, pushed as fast as the host's window allows.

import { Buffer } from 'node:buffer';
import { types } from 'node:util';
import { HeadroomBytes, writeMessagePrefix } from './grpc.mjs';
import { ErrorCode } from './http2-frames.mjs';
import { BodyWriter, MaxChunkBytes } from './messages.mjs';
import { Promise } from './primordials.mjs';

const { isUint8Array } = types;
const NoBytes = Buffer.alloc(0);

export class ResponseBodyCall {
  #stream;
  #writer = new BodyWriter();
  #id;
  #received = false;
  #settle;

  /** Resolves when the call is over: true when the host took the whole body, false when it was cut by either side. */
  closed = new Promise((resolve) => {
    this.#settle = resolve;
  });

  constructor(connection, headers, id) {
    this.#id = id;
    this.#stream = connection.open(headers, {
      onHeaders: () => {},
      onData: () => {
        // The only message of this direction is the receipt.
        this.#received = true;
      },
      onClose: () => this.#settle(this.#received && this.#stream.sentEnd),
    });
  }

  get isClosed() {
    return this.#stream.closed;
  }

  /** Sends a body that is complete, as the host has room for it. Resolves when the call is over. */
  async sendWhole(bytes) {
    for (let position = 0; position < bytes.length && !this.isClosed;) {
      if (!this.#stream.writable) await this.#stream.whenWritable();
      const end = Math.min(position + MaxChunkBytes, bytes.length);
      this.#sendChunk(bytes.subarray(position, end), end === bytes.length);
      position = end;
    }
    await this.closed;
  }

  /**
   * Sends a stream's chunks as they come. The next is asked for when the host has room: what is ahead of the client is
   * one chunk here, and the window. Rejects with what the stream throws.
   */
  async sendStream(reader) {
    for (;;) {
      if (!this.#stream.writable) await this.#stream.whenWritable();
      const { done, value } = await reader.read();
      if (this.isClosed) return;
      if (done) {
        this.#sendChunk(NoBytes, true);
        return;
      }
      if (!isUint8Array(value)) throw new TypeError('A Response stream gave a chunk that is not a Uint8Array');
      this.#sendPieces(value);
    }
  }

  /** Cuts the body: the host resets its client's stream. */
  cut() {
    this.#stream.reset(ErrorCode.CANCEL);
  }

  #sendPieces(data) {
    for (let position = 0; position < data.length; position += MaxChunkBytes) {
      this.#sendChunk(data.subarray(position, position + MaxChunkBytes), false);
    }
  }

  #sendChunk(data, last) {
    const writer = this.#writer;
    writer.reserve(HeadroomBytes);
    writer.position += HeadroomBytes;
    writer.bodyChunk(this.#id, data, last);
    this.#id = 0;
    const message = writer.take();
    writeMessagePrefix(message);
    this.#stream.send(message, last);
  }
}
