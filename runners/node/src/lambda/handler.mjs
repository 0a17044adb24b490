// The older form of a function, `handler(event, context, callback)`, as a function that the runner can call. Loaded only
// when a module has one.

import { types } from 'node:util';
import { currentInvocation } from '../current-invocation.mjs';
import { Promise } from '../primordials.mjs';
import { lambdaContext } from './context.mjs';
import { readEvent } from './event.mjs';
import { replyOfResult } from './result.mjs';
import { callStreaming, isStreaming } from './streaming.mjs';

const { isPromise } = types;

// How a handler with fewer than three parameters may still answer after it has returned.
const AnswersLater = /\.\.\.|\b(?:arguments|done|succeed|fail)\b|\[native code\]/;

/** Gives a function without parameters: what it needs it takes from the running invocation. */
export function adaptHandler(handler) {
  const streams = isStreaming(handler);
  const mayAnswerLater = handler.length >= 3 || AnswersLater.test(Function.prototype.toString.call(handler));
  return async () => {
    const invocation = currentInvocation.getStore();
    const event = await readEvent(invocation);
    if (streams) return callStreaming(handler, event, invocation);
    const result = await callHandler(handler, event, invocation, mayAnswerLater);
    // Nobody waits for what these give back.
    if (invocation.isBackground || (invocation.isScheduled && (result === undefined || result === null))) return undefined;
    return replyOfResult(result, event);
  };
}

/** Resolves with the first of: what the returned promise gives, what the callback or the context is told, a plain value. */
function callHandler(handler, event, invocation, mayAnswerLater) {
  return new Promise((resolve, reject) => {
    const callback = (error, result) => (error ? reject(error) : resolve(result));
    const returned = handler(event, lambdaContext(invocation, callback), callback);
    if (isPromise(returned) || typeof returned?.then === 'function') Promise.resolve(returned).then(resolve, reject);
    else if (returned !== undefined || !mayAnswerLater) resolve(returned);
  });
}
