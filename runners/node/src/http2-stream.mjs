// One call on an HTTP/2 connection: its windows, and what of it waits to be sent.

import { Buffer } from 'node:buffer';
import { FrameHeaderBytes } from './http2-frames.mjs';
import { Promise } from './primordials.mjs';

/** How much of a body the host may send ahead of the function's reading. */
export const StreamWindowBytes = 256 * 1024;
const CreditBytes = StreamWindowBytes / 4;

/** One call. The owner is told of what comes in through `listener`: onData(buffer, start, end), onHeaders(block), onClose(code). */
export class Http2Stream {
  id = 0;
  sendWindow = 0;
  receiveWindow = StreamWindowBytes;
  closed = false;
  sentEnd = false;
  pending = [];
  pendingBytes = 0;
  pendingEnd = false;
  #uncredited = 0;
  #waiting = [];

  constructor(connection, headerBlock, listener) {
    this.connection = connection;
    this.headerBlock = headerBlock;
    this.listener = listener;
  }

  /** Sends `buffer[9, end)` as DATA; the nine bytes in front are for the frame's header, so that most messages are one write. */
  send(buffer, end = false) {
    this.connection.sendData(this, buffer, end);
  }

  /** Closes the sending half. */
  sendEnd() {
    this.send(Buffer.allocUnsafe(FrameHeaderBytes), true);
  }

  /** True when everything sent so far has left this process, as far as windows and the socket allow. */
  get writable() {
    return this.pendingBytes === 0 && !this.connection.congested;
  }

  /** Resolves when the stream is writable again or closed. */
  whenWritable() {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.closed) this.wake();
    });
  }

  wake() {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    for (let index = 0; index < waiting.length; index++) waiting[index]();
  }

  /** Lets the host send `bytes` more. */
  credit(bytes) {
    this.#uncredited += bytes;
    if (this.#uncredited < CreditBytes || this.closed) return;
    this.receiveWindow += this.#uncredited;
    this.connection.sendWindowUpdate(this.id, this.#uncredited);
    this.#uncredited = 0;
  }

  reset(code) {
    this.connection.resetStream(this, code);
  }
}
