// The Response that functions build. Most are a status, a few headers and a string or some bytes, and are sent without a
// native Response ever being made. Everything odd goes the native way, including everything that must throw.

import { Buffer } from 'node:buffer';
import { appendHeader, checkSendable, copyHeaders, flattenHeaders, hasHeader, headersFrom, isHeaders, synchroniseHeaders } from './headers.mjs';
import { PrivateMap, ReadableStream } from '../primordials.mjs';
import { impersonate, notCallable, Stamp, wrapPrototype } from './lazy.mjs';

const NativeResponse = globalThis.Response;
const { apply, construct, getPrototypeOf } = Reflect;
const { stringify } = JSON;
const { getOwnPropertyNames, getOwnPropertySymbols } = Object;
const prototype = NativeResponse.prototype;
const nativeGetter = (name) => Object.getOwnPropertyDescriptor(prototype, name).get;
const nativeStatus = nativeGetter('status');
const nativeHeaders = nativeGetter('headers');
const nativeBody = nativeGetter('body');
const nativeBodyUsed = nativeGetter('bodyUsed');
const nativeUrl = nativeGetter('url');
const nativeClone = prototype.clone;
const nativeArrayBuffer = prototype.arrayBuffer;
const isLocked = Object.getOwnPropertyDescriptor(ReadableStream.prototype, 'locked').get;
const ObjectPrototype = Object.prototype;
const Uint8ArrayPrototype = Uint8Array.prototype;

const TextType = 'text/plain;charset=UTF-8';
const JsonType = 'application/json';

const Token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// Field values that need no trimming and are Latin-1 without controls.
const PlainValue = /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/;
const PlainReason = /^[\t\x20-\x7e\x80-\xff]*$/;

const MaxKnownNames = 500;
const knownNames = new PrivateMap();

/** The lower-case form of a header name, or null when it is no name. Most programs use few names, again and again. */
function lowerCaseName(name) {
  const known = knownNames.get(name);
  if (known !== undefined) return known;
  if (!Token.test(name)) return null;
  const lower = name.toLowerCase();
  if (knownNames.size < MaxKnownNames) knownNames.set(name, lower);
  return lower;
}

// Native responses whose body was complete when they were made: their limits are those of buffered replies.
const bufferedResponses = new WeakSet();

class BuiltResponse extends Stamp {
  #state;

  constructor(target, state) {
    super(target);
    this.#state = state;
  }

  static stateOf(object) {
    return #state in object ? object.#state : undefined;
  }
}

const stateOf = BuiltResponse.stateOf;

/**
 * `list` is flat, with lower-case names, unsorted; null once `headers`, a native Headers, has taken its place. `body` is
 * null, a string or bytes of our own.
 */
class ResponseState {
  constructor(status, statusText, list, headers, body) {
    this.status = status;
    this.statusText = statusText;
    this.list = list;
    this.headers = headers;
    this.body = body;
    this.twin = null;
  }
}

function headersOf(state) {
  if (state.headers === null) {
    state.headers = headersFrom(state.list);
    state.list = null;
  }
  return state.headers;
}

function twinOf(state) {
  if (state.twin === null) {
    state.twin = new NativeResponse(state.body, { status: state.status, statusText: state.statusText });
    bufferedResponses.add(state.twin);
  }
  synchroniseHeaders(apply(nativeHeaders, state.twin, []), headersOf(state));
  return state.twin;
}

function isUsed(state) {
  return state.twin !== null && apply(nativeBodyUsed, state.twin, []);
}

const quickMembers = {
  status: (state) => state.status,
  ok: (state) => state.status <= 299,
  statusText: (state) => state.statusText,
  headers: headersOf,
  bodyUsed: isUsed,
  body: (state) => (state.body === null ? null : apply(nativeBody, twinOf(state), [])),
  clone(state) {
    const clone = apply(nativeClone, twinOf(state), []);
    bufferedResponses.add(clone);
    return clone;
  },
};

const isNullBodyStatus = (status) => status === 204 || status === 205 || status === 304;

/** The state for the arguments of a Response, or null when the native class must judge them. */
function build(body, status, statusText, headers, type) {
  if (status === undefined) status = 200;
  else if (typeof status !== 'number' || status < 200 || status > 599 || status % 1 !== 0) return null;
  if (statusText === undefined) statusText = '';
  else if (typeof statusText !== 'string' || !PlainReason.test(statusText)) return null;

  if (body === undefined || body === null) body = null;
  else if (isNullBodyStatus(status)) return null;
  else if (typeof body === 'string') type ??= TextType;
  else if (body instanceof Uint8Array && ownBytes(body)) body = Buffer.from(body);
  else return null;

  let list = null;
  let copied = null;
  if (headers === undefined) {
    list = [];
  } else if (headers !== null && typeof headers === 'object') {
    if (isHeaders(headers) || Array.isArray(headers)) copied = copyHeaders(headers);
    else if ((list = plainHeaders(headers)) === null) return null;
  } else {
    return null;
  }
  if (type !== null) {
    if (copied === null) {
      if (!hasName(list, 'content-type')) list.push('content-type', type);
    } else if (!hasHeader(copied, 'content-type')) {
      appendHeader(copied, 'content-type', type);
    }
  }
  return new ResponseState(status, statusText, list, copied, body);
}

/** Bytes that are what they seem: an ordinary typed array on memory that cannot be shared, resized or detached. */
function ownBytes(body) {
  const proto = getPrototypeOf(body);
  if (proto !== Uint8ArrayPrototype && proto !== Buffer.prototype) return false;
  const { buffer } = body;
  return buffer instanceof ArrayBuffer && !buffer.resizable && !buffer.detached;
}

function hasName(list, name) {
  for (let index = 0; index < list.length; index += 2) if (list[index] === name) return true;
  return false;
}

/** A record of strings as a flat list, or null when anything about it is unusual. */
function plainHeaders(record) {
  const proto = getPrototypeOf(record);
  if (proto !== ObjectPrototype && proto !== null) return null;
  if (record[Symbol.iterator] !== undefined || getOwnPropertySymbols(record).length > 0) return null;
  const list = [];
  // As undici reads a record: whether a member is enumerable makes no difference.
  for (const key of getOwnPropertyNames(record)) {
    if (key === '__proto__') return null;
    const name = lowerCaseName(key);
    const value = record[key];
    if (name === null || typeof value !== 'string' || !PlainValue.test(value) || hasName(list, name)) return null;
    list.push(name, value);
  }
  return list;
}

/** Sorts a flat list by name, as Headers iterate. Lists are short, and stable order keeps equal names as they were. */
function sortByName(list) {
  for (let index = 2; index < list.length; index += 2) {
    const name = list[index];
    const value = list[index + 1];
    let hole = index;
    while (hole > 0 && list[hole - 2] > name) {
      list[hole] = list[hole - 2];
      list[hole + 1] = list[hole - 1];
      hole -= 2;
    }
    list[hole] = name;
    list[hole + 1] = value;
  }
  return list;
}

const NoInit = { status: undefined, statusText: undefined, headers: undefined };
const isObject = (value) => typeof value === 'object' || typeof value === 'function';

function Response(body, init) {
  if (new.target === undefined) throw notCallable('Response');
  let state = null;
  let { status, statusText, headers } = NoInit;
  if (init === undefined || init === null) {
    state = build(body, undefined, undefined, undefined, null);
  } else if (isObject(init)) {
    // Read once and in this order, as the native class does.
    ({ status, statusText, headers } = init);
    state = build(body, status, statusText, headers, null);
    init = { status, statusText, headers };
  }
  if (state !== null) {
    new BuiltResponse(this, state);
    return undefined;
  }
  const native = construct(NativeResponse, [body, init], new.target);
  if (!isStreamed(body)) bufferedResponses.add(native);
  return native;
}

/** Bodies of other kinds are complete when the Response is made: Blob, FormData, URLSearchParams, buffers, strings. */
function isStreamed(body) {
  if (body === null || typeof body !== 'object') return false;
  return body instanceof ReadableStream || typeof body[Symbol.asyncIterator] === 'function';
}

const statics = {
  json(data, init = undefined) {
    const text = arguments.length > 0 ? stringify(data) : undefined;
    if (typeof text === 'string' && (init === undefined || init === null || isObject(init))) {
      const { status, statusText, headers } = init ?? NoInit;
      const state = build(text, status, statusText, headers, JsonType);
      if (state !== null) {
        const response = Object.create(prototype);
        new BuiltResponse(response, state);
        return response;
      }
    }
    const native = arguments.length === 0 ? NativeResponse.json() : NativeResponse.json(data, init);
    bufferedResponses.add(native);
    return native;
  },
  redirect(...args) {
    return NativeResponse.redirect(...args);
  },
  error() {
    return NativeResponse.error();
  },
};

/** What is to be sent of a Response: `body` is null, a string, bytes, or a ReadableStream if `streaming`. */
export class Reply {
  constructor(status, headers, body, streaming) {
    this.status = status;
    this.headers = headers;
    this.body = body;
    this.streaming = streaming;
  }
}

export class UnusableBodyError extends TypeError {
  name = 'TypeError';
  message = 'Response body object should not be disturbed or locked';
}

/** True for every Response of this process's fetch API, ours or native. */
export function isResponse(value) {
  return value instanceof NativeResponse;
}

/** Takes a Response apart. A native one with a complete body takes a promise to do so. */
export function replyOf(response) {
  const state = stateOf(response);
  if (state === undefined) return nativeReply(response);
  if (state.twin !== null) checkBody(state.twin);
  return new Reply(state.status, state.headers === null ? sortByName(state.list) : checkSendable(flattenHeaders(state.headers)), state.body, false);
}

function nativeReply(response) {
  checkBody(response);
  const status = apply(nativeStatus, response, []);
  const headers = checkSendable(flattenHeaders(apply(nativeHeaders, response, [])));
  const body = apply(nativeBody, response, []);
  if (body === null) return new Reply(status, headers, null, false);
  if (!bufferedResponses.has(response)) return new Reply(status, isFetched(response) ? decodedHeaders(headers) : headers, body, true);
  return bufferedReply(response, status, headers);
}

const isFetched = (response) => apply(nativeUrl, response, []) !== '';

/** fetch() decodes bodies and keeps the headers that described them encoded. Sent on like that they would be lies. */
function decodedHeaders(headers) {
  if (!hasName(headers, 'content-encoding')) return headers;
  return headers.filter((_, index) => {
    const name = headers[index - (index % 2)];
    return name !== 'content-encoding' && name !== 'content-length';
  });
}

async function bufferedReply(response, status, headers) {
  return new Reply(status, headers, Buffer.from(await apply(nativeArrayBuffer, response, [])), false);
}

function checkBody(response) {
  const body = apply(nativeBody, response, []);
  if (apply(nativeBodyUsed, response, []) || (body !== null && apply(isLocked, body, []))) throw new UnusableBodyError();
}

export function installResponse() {
  wrapPrototype(prototype, stateOf, twinOf, quickMembers);
  impersonate(Response, NativeResponse);
  Object.setPrototypeOf(Response, getPrototypeOf(NativeResponse));
  for (const name of ['error', 'json', 'redirect']) {
    const descriptor = Object.getOwnPropertyDescriptor(NativeResponse, name);
    const value = statics[name];
    Object.defineProperty(value, 'length', { value: descriptor.value.length, configurable: true });
    Object.defineProperty(Response, name, { ...descriptor, value });
  }
  Object.defineProperty(globalThis, 'Response', { ...Object.getOwnPropertyDescriptor(globalThis, 'Response'), value: Response });
}
