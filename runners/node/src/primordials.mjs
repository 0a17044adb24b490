// What the runner needs of the language and of Node after user code has had the chance to replace it. Libraries patch
// promises and timers for good reasons; the session must not come to depend on theirs.

const { apply } = Reflect;
const promiseThen = Promise.prototype.then;

export const nextTick = process.nextTick;

export function then(promise, onFulfilled, onRejected) {
  return apply(promiseThen, promise, [onFulfilled, onRejected]);
}
