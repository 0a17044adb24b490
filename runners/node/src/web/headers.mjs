// The headers of an incoming request: looked up in the flat list they came in, until somebody iterates or changes them.

import { Stamp, wrapPrototype } from './lazy.mjs';

const NativeHeaders = globalThis.Headers;
const { apply } = Reflect;
const prototype = NativeHeaders.prototype;
const nativeAppend = prototype.append;
const nativeDelete = prototype.delete;
const nativeEntries = prototype.entries;
const nativeForEach = prototype.forEach;
const nativeGet = prototype.get;
const nativeHas = prototype.has;
const nativeIteratorNext = Object.getPrototypeOf(new NativeHeaders().entries()).next;

const Control = /[\x00-\x08\x0a-\x1f\x7f]/;
const LowerCaseToken = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;

class IncomingHeaders extends Stamp {
  #state;

  constructor(target, state) {
    super(target);
    this.#state = state;
  }

  static stateOf(object) {
    return #state in object ? object.#state : undefined;
  }
}

const stateOf = IncomingHeaders.stateOf;

function twinOf(state) {
  return (state.twin ??= headersFrom(state.list));
}

function lookUp(list, name) {
  let found = null;
  for (let index = 0; index < list.length; index += 2) {
    if (list[index] !== name) continue;
    found = found === null ? list[index + 1] : `${found}${name === 'cookie' ? '; ' : ', '}${list[index + 1]}`;
  }
  return found;
}

/** Headers for a flat list with lower-case names and values that are Latin-1. */
export function incomingHeaders(list) {
  const headers = Object.create(prototype);
  new IncomingHeaders(headers, { list, twin: null });
  return headers;
}

/** A native Headers of a flat list. */
export function headersFrom(list) {
  const headers = new NativeHeaders();
  for (let index = 0; index < list.length; index += 2) apply(nativeAppend, headers, [list[index], list[index + 1]]);
  return headers;
}

/** The flat list of any Headers object, in the order in which it iterates. */
export function flattenHeaders(headers) {
  const state = stateOf(headers);
  const iterator = apply(nativeEntries, state === undefined ? headers : twinOf(state), []);
  const list = [];
  for (;;) {
    const { done, value } = apply(nativeIteratorNext, iterator, []);
    if (done) return list;
    list.push(value[0], value[1]);
  }
}

/** Throws for a value that the Fetch standard lets pass and HTTP does not: the host would take the worker for a broken one. */
export function checkSendable(list) {
  for (let index = 1; index < list.length; index += 2) {
    if (Control.test(list[index])) throw new TypeError(`The value of the response header '${list[index - 1]}' holds a control character`);
  }
  return list;
}

export function getHeader(headers, name) {
  const state = stateOf(headers);
  return apply(nativeGet, state === undefined ? headers : twinOf(state), [name]);
}

export function hasHeader(headers, name) {
  return apply(nativeHas, headers, [name]);
}

export function appendHeader(headers, name, value) {
  apply(nativeAppend, headers, [name, value]);
}

export function isHeaders(value) {
  return value instanceof NativeHeaders;
}

/** A native copy of anything that `new Headers()` takes. */
export function copyHeaders(init) {
  const state = isHeaders(init) ? stateOf(init) : undefined;
  return new NativeHeaders(state === undefined ? init : twinOf(state));
}

/** Brings the headers of a twin to what `source`, the object that user code holds, says by now. */
export function synchroniseHeaders(target, source) {
  const state = stateOf(source);
  if (state !== undefined && state.twin === null) return;
  for (const name of new Set(flattenHeaders(target).filter((_, index) => index % 2 === 0))) apply(nativeDelete, target, [name]);
  const list = flattenHeaders(source);
  for (let index = 0; index < list.length; index += 2) apply(nativeAppend, target, [list[index], list[index + 1]]);
}

export function installHeaders() {
  wrapPrototype(prototype, stateOf, twinOf, {
    get(state, args) {
      const name = args[0];
      if (state.twin !== null || typeof name !== 'string' || !LowerCaseToken.test(name)) return apply(nativeGet, twinOf(state), args);
      return lookUp(state.list, name);
    },
    has(state, args) {
      const name = args[0];
      if (state.twin !== null || typeof name !== 'string' || !LowerCaseToken.test(name)) return apply(nativeHas, twinOf(state), args);
      return lookUp(state.list, name) !== null;
    },
    forEach(state, args, object) {
      const [callback, thisArgument] = args;
      if (typeof callback !== 'function') return apply(nativeForEach, twinOf(state), args);
      apply(nativeForEach, twinOf(state), [(value, name) => apply(callback, thisArgument, [value, name, object])]);
    },
  });
}
