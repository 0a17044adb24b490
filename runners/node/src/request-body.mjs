// A request body on a call of its own, pulled: the host may send as much ahead as the stream's window holds, and gets
// room for more when the function has read.

import { Buffer } from 'node:buffer';
import { HeadroomBytes, MessageReader, writeMessagePrefix } from './grpc.mjs';
import { ErrorCode } from './http2-frames.mjs';
import { BodyWriter, MaxChunkBytes, readBodyChunk } from './messages.mjs';
import { Promise } from './primordials.mjs';

const MaxChunkMessageBytes = MaxChunkBytes + 64;

export class RequestBodyCall {
  #stream;
  #messages = new MessageReader(MaxChunkMessageBytes, (buffer, start, end) => this.#onChunk(buffer, start, end));
  #chunks = [];
  #queuedBytes = 0;
  #uncredited = 0;
  #complete = false;
  #failure = null;
  #waiting = null;

  constructor(connection, headers, id) {
    this.#stream = connection.open(headers, {
      onHeaders: () => {},
      onData: (buffer, start, end) => {
        this.#uncredited += end - start;
        this.#messages.push(buffer, start, end);
      },
      onClose: () => this.#onClose(),
    });
    const writer = new BodyWriter();
    writer.position += HeadroomBytes;
    writer.bodyRef(id);
    const message = writer.take();
    writeMessagePrefix(message);
    this.#stream.send(message, true);
  }

  /** The next chunk, or null at the end. Rejects when the body was cut. One read at a time. */
  read() {
    if (this.#chunks.length > 0) {
      const chunk = this.#chunks.shift();
      this.#queuedBytes -= chunk.length;
      this.#credit();
      return Promise.resolve(chunk);
    }
    if (this.#complete) return Promise.resolve(null);
    if (this.#failure !== null) return Promise.reject(this.#failure);
    // An empty queue means that nothing but the head of a chunk is held: whatever has come is consumed.
    this.#credit();
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  /** Nobody will read on. Whoever waits gets `reason`. */
  cancel(reason) {
    if (this.#complete || this.#failure !== null) return;
    this.#failure = reason;
    this.#chunks = [];
    this.#stream.reset(ErrorCode.CANCEL);
    this.#reject();
  }

  #onChunk(buffer, start, end) {
    const { data, last } = readBodyChunk(buffer, start, end);
    if (data !== null && data.length > 0) {
      // A copy of its own: the stream it goes into gives the memory away, and a view would keep a whole slab alive.
      const chunk = new Uint8Array(data);
      if (this.#waiting !== null) {
        const { resolve } = this.#waiting;
        this.#waiting = null;
        resolve(chunk);
      } else {
        this.#chunks.push(chunk);
        this.#queuedBytes += chunk.length;
      }
    }
    if (last) {
      this.#complete = true;
      if (this.#chunks.length === 0 && this.#waiting !== null) {
        const { resolve } = this.#waiting;
        this.#waiting = null;
        resolve(null);
      }
    }
  }

  #onClose() {
    if (this.#complete || this.#failure !== null) return;
    this.#failure = new TypeError('The request body was cut off before its end.');
    this.#reject();
  }

  #reject() {
    if (this.#waiting === null) return;
    const { reject } = this.#waiting;
    this.#waiting = null;
    reject(this.#failure);
  }

  #credit() {
    const consumed = this.#uncredited - this.#queuedBytes - this.#messages.heldBytes;
    if (consumed <= 0) return;
    this.#uncredited -= consumed;
    this.#stream.credit(consumed);
  }
}
