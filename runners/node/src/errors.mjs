// What a function threw, as the host is told it. A function can throw anything, also things that throw when looked at.

import { inspect } from 'node:util';

// Together these stay far below a session message, in any alphabet.
const MaxMessageLength = 16 * 1024;
const MaxTraceLines = 50;
const MaxTraceLineLength = 500;

const StackLine = /^\s+at /;

/** An error of the function's that the runner found, with the name it is known by. */
export class FunctionError extends Error {
  constructor(type, message) {
    super(message);
    this.name = type;
    this.stack = `${type}: ${message}`;
  }
}

const NotLatin1 = 'Response header contains a character that is not a Latin-1 character (code point 0-255). '
  + 'Consider encoding the value using encodeURIComponent() or base64.';

/** A header of a Response that HTTP cannot carry. */
export class HeaderEncodingError extends TypeError {
  name = 'TypeError';
  message = NotLatin1;
}

/** The text of the reply to a described error when it is about a header outside Latin-1, ours or that of `new Headers()`; else null. */
export function headerEncodingComplaint({ type, message }) {
  if (type !== 'TypeError') return null;
  if (message.startsWith(NotLatin1)) return message;
  return message.includes('ByteString') && message.includes('greater than 255') ? `${NotLatin1} Original error: ${message}` : null;
}

/** { type, message, trace } for any value. Never throws. */
export function describeError(value) {
  const isError = attempt(() => typeof value === 'object' && value !== null && (value instanceof Error || typeof value.stack === 'string'), false);
  if (!isError) return { type: typeName(value), message: shorten(show(value), MaxMessageLength), trace: [] };
  const message = text(() => value.message);
  const type = text(() => value.name) || text(() => value.constructor.name) || 'Error';
  const stack = text(() => value.stack);
  return { type: shorten(type, 200), message: shorten(message, MaxMessageLength), trace: traceOf(stack, message) };
}

/** The stack's lines without the message in front and without the runner's own frames. */
function traceOf(stack, message) {
  const at = message === '' ? -1 : stack.indexOf(message);
  const frames = at < 0 ? stack : stack.slice(at + message.length);
  const lines = frames.split('\n').filter((line) => StackLine.test(line) && !line.includes(__filename));
  // The bottom of every stack is how Node got here.
  while (lines.length > 0 && lines.at(-1).includes('node:internal/')) lines.pop();
  return lines.slice(0, MaxTraceLines).map((line) => shorten(line.trim(), MaxTraceLineLength));
}

function typeName(value) {
  if (value === null) return 'null';
  if (typeof value !== 'object' && typeof value !== 'function') return typeof value;
  return text(() => value.constructor.name) || 'Object';
}

function show(value) {
  return attempt(() => (typeof value === 'string' ? value : inspect(value)), '(a value that cannot be shown)');
}

const text = (read) => attempt(() => {
  const value = read();
  return typeof value === 'string' ? value : '';
}, '');

function attempt(read, otherwise) {
  try {
    return read();
  } catch {
    return otherwise;
  }
}

const shorten = (value, length) => (value.length <= length ? value : `${value.slice(0, length)}…`);
