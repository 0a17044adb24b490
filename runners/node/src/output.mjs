// Everything that user code prints becomes a Log frame of the invocation that printed it.

import { Buffer } from 'node:buffer';
import { Writable } from 'node:stream';
import { currentInvocation } from './current-invocation.mjs';
import { Level, MaxLogBytes } from './messages.mjs';

const { apply } = Reflect;
const { byteLength } = Buffer;
const CutMarker = ' … [cut]';

/** The level of the console method that is running, where its stream alone does not tell. */
let methodLevel = 0;

class OutputStream extends Writable {
  #log;
  #level;

  constructor(fd, level, log) {
    super({ decodeStrings: false });
    this.#log = log;
    this.#level = level;
    this.fd = fd;
  }

  _write(chunk, encoding, callback) {
    const text = typeof chunk === 'string' ? chunk : chunk.toString();
    this.#log(currentInvocation.getStore()?.id ?? 0, methodLevel || this.#level, fit(text));
    callback();
  }

  // As with the real ones, nobody can end them for everybody.
  _destroy(error, callback) {
    callback(error);
  }

  _final(callback) {
    callback();
  }
}

/** One message: without the line break at its end, and not longer than a Log frame holds. */
function fit(text) {
  const line = text.endsWith('\n') ? text.slice(0, -1) : text;
  if (line.length * 3 <= MaxLogBytes || byteLength(line) <= MaxLogBytes) return line;
  const room = MaxLogBytes - byteLength(CutMarker);
  let bytes = Buffer.from(line.slice(0, room)).subarray(0, room);
  // Not in the middle of a character.
  while (bytes.length > 0 && (bytes[bytes.length - 1] & 0xc0) === 0x80) bytes = bytes.subarray(0, -1);
  if (bytes.length > 0 && bytes[bytes.length - 1] >= 0xc0) bytes = bytes.subarray(0, -1);
  return bytes.toString() + CutMarker;
}

/** `log(id, level, text)` sends a frame. */
export function captureOutput(log) {
  replaceStream('stdout', new OutputStream(1, Level.INFO, log));
  replaceStream('stderr', new OutputStream(2, Level.ERROR, log));
  // The console writes to the streams above. These methods share one with a method of another level.
  setLevel('debug', Level.DEBUG);
  setLevel('trace', Level.DEBUG);
  setLevel('warn', Level.WARN);
  process.removeAllListeners('warning');
  process.on('warning', (warning) => console.warn(`${warning}`));
}

function replaceStream(name, stream) {
  Object.defineProperty(process, name, { configurable: true, enumerable: true, get: () => stream });
}

function setLevel(name, level) {
  const original = console[name];
  console[name] = { [name](...args) {
    const outer = methodLevel;
    methodLevel = level;
    try {
      apply(original, console, args);
    } finally {
      methodLevel = outer;
    }
  } }[name];
}
