// The Request that a function gets. It reads from the Invoke frame what it is asked for.

import { Buffer } from 'node:buffer';
import { copyHeaders, incomingHeaders, synchroniseHeaders } from './headers.mjs';
import { impersonate, notCallable, Stamp, wrapPrototype } from './lazy.mjs';

const NativeRequest = globalThis.Request;
const nativeFetch = globalThis.fetch;
const { apply, construct } = Reflect;
const { parse } = JSON;
const prototype = NativeRequest.prototype;
const nativeGetter = (name) => Object.getOwnPropertyDescriptor(prototype, name).get;
const nativeBody = nativeGetter('body');
const nativeBodyUsed = nativeGetter('bodyUsed');
const nativeHeaders = nativeGetter('headers');
const nativeText = prototype.text;

// URLs that `new URL()` would give back unchanged: no escapes to add, no dots to resolve, no port to drop, no host that
// could be a number or an internationalised name. Others take the parser.
const CanonicalUrl = new RegExp(
  '^https?://(?:127\\.0\\.0\\.1|[a-z][a-z0-9-]*(?:\\.[a-z][a-z0-9-]*)*)(?::(?!80/|443/)[1-9][0-9]{0,3})?'
  + '(?:/[A-Za-z0-9_~!$&()*+,;=:@-][A-Za-z0-9_~!$&()*+,;=:@%.-]*)*/?(?:\\?[A-Za-z0-9_~!$&()*+,;=:@%./?-]*)?$');
const HasPath = /^https?:\/\/[^/]+\//;


export function canonicalUrl(url) {
  return CanonicalUrl.test(url) && HasPath.test(url) && !url.includes('xn--') ? url : new URL(url).href;
}

class IncomingRequest extends Stamp {
  #state;

  constructor(target, state) {
    super(target);
    this.#state = state;
  }

  static stateOf(object) {
    return #state in object ? object.#state : undefined;
  }
}

const stateOf = IncomingRequest.stateOf;

/**
 * `source` is the invocation as seen from its request: method, url, readHeaders(), signal, bodyBytes (or null),
 * openBodyStream() (or null when the body is not a stream).
 */
class RequestState {
  constructor(source) {
    this.source = source;
    this.method = null;
    this.url = null;
    this.headers = null;
    this.consumed = false;
    this.twin = null;
  }
}

function methodOf(state) {
  return (state.method ??= normaliseMethod(state.source.method));
}

/** The six methods that the Fetch standard upper-cases; all others are case-sensitive. */
function normaliseMethod(method) {
  switch (method) {
    case 'GET': case 'POST': return method;
    default: {
      const upper = method.toUpperCase();
      return upper === 'DELETE' || upper === 'GET' || upper === 'HEAD' || upper === 'OPTIONS' || upper === 'POST' || upper === 'PUT'
        ? upper : method;
    }
  }
}

function urlOf(state) {
  return (state.url ??= canonicalUrl(state.source.url));
}

function headersOf(state) {
  return (state.headers ??= incomingHeaders(state.source.readHeaders()));
}

/** A request with these methods has no body, whatever came over the wire. */
function mayHaveBody(state) {
  const method = methodOf(state);
  return method !== 'GET' && method !== 'HEAD';
}

function hasBody(state) {
  return (state.source.bodyBytes !== null || state.source.bodyIsStream) && mayHaveBody(state);
}

function twinOf(state) {
  if (state.twin === null) {
    const { source } = state;
    const init = { method: methodOf(state), headers: copyHeaders(headersOf(state)), signal: source.signal };
    if (hasBody(state)) {
      init.body = source.bodyBytes ?? source.openBodyStream();
      init.duplex = 'half';
      // undici would add a type for bytes only if it knew one; it does not, so the headers stay as they came.
    }
    state.twin = new NativeRequest(urlOf(state), init);
    if (state.consumed) apply(nativeText, state.twin, []);
  } else {
    synchroniseHeaders(apply(nativeHeaders, state.twin, []), headersOf(state));
  }
  return state.twin;
}

/** True when the body can be had without a twin: all of it is here, and nobody has touched it. */
function bodyAtHand(state) {
  return state.twin === null && !state.consumed && (!hasBody(state) || !state.source.bodyIsStream);
}

function consume(state) {
  if (!hasBody(state)) return null;
  state.consumed = true;
  return state.source.bodyBytes;
}

function decodeText(bytes) {
  if (bytes === null) return '';
  // The Fetch standard decodes without the byte order mark.
  const start = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  return bytes.utf8Slice(start, bytes.length);
}

const copyOf = (bytes) => (bytes === null ? new Uint8Array() : new Uint8Array(bytes));

const quickMembers = {
  method: methodOf,
  url: urlOf,
  headers: headersOf,
  signal: (state) => state.source.signal,
  body: (state) => (hasBody(state) ? apply(nativeBody, twinOf(state), []) : null),
  bodyUsed: (state) => state.consumed || (state.twin !== null && apply(nativeBodyUsed, state.twin, [])),
  text: quickBody('text', decodeText),
  json: quickBody('json', (bytes) => parse(decodeText(bytes))),
  arrayBuffer: quickBody('arrayBuffer', (bytes) => copyOf(bytes).buffer),
  bytes: quickBody('bytes', copyOf),
};

function quickBody(name, convert) {
  const native = prototype[name];
  return (state, args) => {
    if (!bodyAtHand(state)) return apply(native, twinOf(state), args);
    return convertLater(convert, consume(state));
  };
}

async function convertLater(convert, bytes) {
  return convert(bytes);
}

export function incomingRequest(source) {
  const request = Object.create(prototype);
  new IncomingRequest(request, new RequestState(source));
  return request;
}

function nativeOf(value) {
  if (value === null || typeof value !== 'object') return value;
  const state = stateOf(value);
  return state === undefined ? value : twinOf(state);
}

export function installRequest() {
  wrapPrototype(prototype, stateOf, twinOf, quickMembers);

  function Request(input, init) {
    if (new.target === undefined) throw notCallable('Request');
    return construct(NativeRequest, arguments.length === 0 ? [] : [nativeOf(input), init], new.target);
  }
  impersonate(Request, NativeRequest);
  Object.setPrototypeOf(Request, Object.getPrototypeOf(NativeRequest));
  define('Request', Request);
  define('fetch', { fetch(input, init = undefined) {
    return arguments.length === 0 ? nativeFetch() : nativeFetch(nativeOf(input), init);
  } }.fetch);
}

function define(name, value) {
  Object.defineProperty(globalThis, name, { ...Object.getOwnPropertyDescriptor(globalThis, name), value });
}
