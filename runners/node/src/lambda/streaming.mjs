// Handlers that write their answer: `awslambda.streamifyResponse((event, responseStream, context) => …)`, which is what
// stream() of @netlify/functions makes.

import { PassThrough, Readable } from 'node:stream';
import { Promise, then } from '../primordials.mjs';
import { lambdaContext } from './context.mjs';
import { headerList, replyOf } from './result.mjs';
import { onHead, StreamingMark } from './global.mjs';

export const isStreaming = (handler) => handler[StreamingMark] === 'response';

/**
 * Resolves with the reply as soon as the handler has said what it is or written something. The invocation stays open
 * until the handler is done; what it throws after that moment cuts the body.
 */
export function callStreaming(handler, event, invocation) {
  return new Promise((resolve, reject) => {
    const stream = new PassThrough();
    let head = null;
    const answer = (metadata) => {
      if (head !== null) return;
      head = metadata;
      try {
        resolve(invocation.isBackground ? undefined : replyOf(metadata.statusCode ?? 200, headersOf(metadata), Readable.toWeb(stream), true));
      } catch (error) {
        stream.destroy();
        reject(error);
      }
    };
    onHead(stream, answer);
    stream.once('readable', () => answer({}));
    // Nobody else listens before the reply does.
    stream.on('error', () => {});
    const done = run(handler, event, stream, invocation);
    then(done, () => {
      if (!stream.writableEnded) stream.end();
    }, (error) => {
      if (stream.destroyed) return;
      stream.destroy(error);
      reject(error);
    });
    if (invocation.isBackground) stream.resume();
    invocation.waitUntil(then(done, undefined, () => {}));
  });
}

async function run(handler, event, stream, invocation) {
  await handler(event, stream, lambdaContext(invocation, notAvailable));
}

function notAvailable() {
  throw new Error('A streaming handler answers by writing to its stream');
}

function headersOf(metadata) {
  const list = headerList(metadata);
  for (const cookie of metadata.cookies ?? []) list.push('set-cookie', `${cookie}`);
  return list;
}
