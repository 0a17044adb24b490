// What goes out on the connection's socket: collected during a turn of the event loop, written at its end.

import { Buffer } from 'node:buffer';
import { nextTick, Promise, then } from './primordials.mjs';

// With more than this collected, those who can wait do.
const MaxCollectedBytes = 64 * 1024;
// Below this size, buffers are cheaper copied into one write than listed in a vector.
const CoalesceBytes = 16 * 1024;

const resolved = Promise.resolve();

export class SocketOutput {
  #socket;
  #onWritable;
  #buffers = [];
  #bytes = 0;
  #armed = false;
  #arm = () => nextTick(this.#flush);
  #flush = () => this.flush();

  /** Called before output goes out. What it queues goes with it. */
  onFlush = () => {};

  /** `onWritable` is called whenever output has gone out and more may follow. */
  constructor(socket, onWritable) {
    this.#socket = socket;
    this.#onWritable = onWritable;
    socket.on('drain', onWritable);
  }

  get congested() {
    return this.#bytes > MaxCollectedBytes || this.#socket.writableNeedDrain;
  }

  queue(buffer) {
    this.#buffers.push(buffer);
    this.#bytes += buffer.length;
    this.schedule();
  }

  /**
   * Output goes out once a turn, after the microtasks: every answer that is ready by then shares the write. A tick that
   * is asked for between microtasks runs after the last of them; one that is asked for earlier runs before the first.
   */
  schedule() {
    if (this.#armed) return;
    this.#armed = true;
    then(resolved, this.#arm);
  }

  /** Hands everything to the kernel that it will take now. */
  flush() {
    this.#armed = true;
    this.onFlush();
    this.#armed = false;
    const buffers = this.#buffers;
    if (buffers.length === 0) return;
    const bytes = this.#bytes;
    this.#buffers = [];
    this.#bytes = 0;
    if (buffers.length === 1) {
      this.#socket.write(buffers[0]);
    } else if (bytes <= CoalesceBytes) {
      this.#socket.write(Buffer.concat(buffers, bytes));
    } else {
      this.#socket.cork();
      for (let index = 0; index < buffers.length; index++) this.#socket.write(buffers[index]);
      this.#socket.uncork();
    }
    if (!this.#socket.writableNeedDrain) this.#onWritable();
  }

  /** Flushes, and calls back when the kernel has taken everything: at once if it can. */
  whenFlushed(callback) {
    this.flush();
    if (this.#bytes === 0 && this.#socket.writableLength === 0) callback();
    else this.#socket.write(Buffer.alloc(0), () => callback());
  }

  /** Flushes, closes the sending half and calls back when the kernel has it all. */
  end(callback) {
    this.flush();
    this.#socket.end(callback);
  }
}
