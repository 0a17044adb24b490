// What the runner needs of the language and of Node after user code has had the chance to replace it. Libraries patch
// promises, timers and maps for good reasons; the session must not come to depend on theirs.

const { apply, ownKeys } = Reflect;
const promiseThen = Promise.prototype.then;

export const { nextTick } = process;
export const { AbortController, DOMException, ReadableStream, clearTimeout, setTimeout } = globalThis;

const NativePromise = Promise;
export { NativePromise as Promise };

export function then(promise, onFulfilled, onRejected) {
  return apply(promiseThen, promise, [onFulfilled, onRejected]);
}

/** A Map whose methods are its own. */
export class PrivateMap extends Map {
  static {
    for (const name of ownKeys(Map.prototype)) {
      if (name !== 'constructor') Object.defineProperty(this.prototype, name, Object.getOwnPropertyDescriptor(Map.prototype, name));
    }
  }
}
