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
 * until the handler is done; what it throws meanwhile cuts the body, what it throws after its end is logged.
 */
export function callStreaming(handler, event, invocation) {
  return new Promise((resolve, reject) => {
    const stream = new PassThrough();
    // Nobody else listens before the reply does.
    stream.on('error', () => {});
    const done = run(handler, event, stream, invocation);
    if (invocation.isBackground) {
      stream.resume();
      then(done, () => resolve(undefined), reject);
      return;
    }
    let answered = false;
    let contentType;
    const answer = (metadata) => {
      if (answered) return;
      answered = true;
      try {
        resolve(replyOf(metadata.statusCode ?? 200, headersOf(metadata, contentType), Readable.toWeb(stream), true));
      } catch (error) {
        stream.destroy();
        reject(error);
      }
    };
    stream.setContentType = (type) => {
      contentType = type;
    };
    onHead(stream, answer);
    stream.once('readable', () => answer({}));
    invocation.waitUntil(then(done, () => {
      if (!stream.writableEnded) stream.end();
    }, (error) => {
      if (stream.writableFinished) throw error;
      // A client that left has destroyed it already, and complaints about that are no error.
      if (stream.destroyed) return;
      stream.destroy(error);
      reject(error);
    }));
  });
}

/** The handler begins when everything it may touch is in place. */
async function run(handler, event, stream, invocation) {
  await null;
  await handler(event, stream, lambdaContext(invocation, notAvailable));
}

function notAvailable() {
  throw new Error('A streaming handler answers by writing to its stream');
}

function headersOf(metadata, contentType) {
  const list = headerList(metadata);
  if (contentType !== undefined && !list.includes('content-type')) list.push('content-type', `${contentType}`);
  for (const cookie of metadata.cookies ?? []) list.push('set-cookie', `${cookie}`);
  return list;
}
