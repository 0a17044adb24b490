// The global `awslambda` of AWS's Node runtime. It is there before a module is loaded, because stream() of
// @netlify/functions calls it then.

export const StreamingMark = Symbol.for('aws.lambda.runtime.handler.streaming');

const heads = new WeakMap();

/** `listener(metadata)` hears of the head that a handler gives the stream. */
export function onHead(stream, listener) {
  heads.set(stream, listener);
}

export function installLambdaGlobal() {
  Object.defineProperty(globalThis, 'awslambda', { configurable: true, writable: true, value: {
    streamifyResponse(handler) {
      handler[StreamingMark] = 'response';
      return handler;
    },
    HttpResponseStream: {
      /** `metadata`: { statusCode, headers, multiValueHeaders, cookies }, all optional. Gives the same stream. */
      from(stream, metadata) {
        heads.get(stream)?.(metadata ?? {});
        return stream;
      },
    },
  } });
}
