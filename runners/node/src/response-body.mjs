// A response body on a call of its own, pushed as fast as the host's window allows.

import { HeadroomBytes, writeMessagePrefix } from './grpc.mjs';
import { ErrorCode } from './http2-frames.mjs';
import { BodyWriter, MaxChunkBytes } from './messages.mjs';
import { Promise } from './primordials.mjs';

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

  /** Sends bytes in chunks of at most 64 KiB, copied. With `last` the body is complete; `data` may be empty then. */
  send(data, last) {
    let position = 0;
    do {
      const end = Math.min(position + MaxChunkBytes, data.length);
      this.#sendChunk(data.subarray(position, end), last && end === data.length);
      position = end;
    } while (position < data.length);
  }

  get writable() {
    return this.#stream.writable;
  }

  whenWritable() {
    return this.#stream.whenWritable();
  }

  /** Cuts the body: the host resets its client's stream. */
  cut() {
    this.#stream.reset(ErrorCode.CANCEL);
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
