// Objects of the fetch API that are built only when somebody looks closely.
//
// A native Request, Response or Headers costs 5 to 15 microseconds; most functions need a method, a URL, a status and a
// string. So the runner's objects carry their state in a private field, on the native prototype itself: `instanceof`,
// `constructor`, property names and printing hold in both directions. Every member of the native prototype is wrapped
// once: on a native object it does what it always did; on one of ours it answers from the state if it can, and else from
// the state's *twin*, a native object made on first need.

const { apply, ownKeys } = Reflect;
const { defineProperty, getOwnPropertyDescriptor } = Object;

/** Lets a class put private fields on an object that it did not make. */
export class Stamp {
  constructor(target) {
    return target;
  }
}

/**
 * Wraps the members of `prototype`. `stateOf(object)` is undefined for native objects; `twinOf(state)` makes the native
 * object; `fast` has the members that need no twin, as functions of (state, args, object), keyed by name.
 */
export function wrapPrototype(prototype, stateOf, twinOf, fast) {
  const wrappers = new Map();
  for (const name of ownKeys(prototype)) {
    const descriptor = getOwnPropertyDescriptor(prototype, name);
    const quick = fast[name];
    if (descriptor.get !== undefined) {
      descriptor.get = wrapGetter(name, descriptor.get, stateOf, twinOf, quick);
    } else if (typeof descriptor.value === 'function' && name !== 'constructor') {
      // Headers has one function under two names, and undici recognises its own by that identity.
      const native = descriptor.value;
      if (!wrappers.has(native)) wrappers.set(native, wrapMethod(native, stateOf, twinOf, quick));
      descriptor.value = wrappers.get(native);
    } else {
      continue;
    }
    defineProperty(prototype, name, descriptor);
  }
}

function wrapGetter(name, native, stateOf, twinOf, quick) {
  const holder = quick === undefined
    ? { get [name]() {
      const state = stateOf(this);
      return apply(native, state === undefined ? this : twinOf(state), []);
    } }
    : { get [name]() {
      const state = stateOf(this);
      return state === undefined ? apply(native, this, []) : quick(state, this);
    } };
  return getOwnPropertyDescriptor(holder, name).get;
}

function wrapMethod(native, stateOf, twinOf, quick) {
  const name = native.name;
  const { [name]: wrapper } = quick === undefined
    ? { [name](...args) {
      const state = stateOf(this);
      return apply(native, state === undefined ? this : twinOf(state), args);
    } }
    : { [name](...args) {
      const state = stateOf(this);
      return state === undefined ? apply(native, this, args) : quick(state, args, this);
    } };
  defineProperty(wrapper, 'length', { value: native.length, configurable: true });
  return wrapper;
}

/** Makes `replacement` pass for the native class it stands in for. */
export function impersonate(replacement, Native) {
  defineProperty(replacement, 'prototype', { value: Native.prototype, writable: false, enumerable: false, configurable: false });
  defineProperty(replacement, 'length', { value: Native.length, configurable: true });
  defineProperty(replacement, 'name', { value: Native.name, configurable: true });
  defineProperty(Native.prototype, 'constructor', { value: replacement, writable: true, enumerable: false, configurable: true });
}

/** What calling a class without `new` says. */
export function notCallable(name) {
  return new TypeError(`Class constructor ${name} cannot be invoked without 'new'`);
}
