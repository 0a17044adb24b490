// One invocation: the function is called, its answer goes out, and the end is told when everything it promised is done.

import { Buffer } from 'node:buffer';
import { types } from 'node:util';
import { abortError } from './abort-error.mjs';
import { Context, contextOf } from './context.mjs';
import { currentInvocation } from './current-invocation.mjs';
import { describeError, FunctionError, headerEncodingComplaint } from './errors.mjs';
import { BodyKind, Level, MaxInlineBodyBytes, Outcome, Trigger } from './messages.mjs';
import { AbortController, DOMException, Promise, ReadableStream, then } from './primordials.mjs';
import { foreignReply, looksLikeResponse } from './web/foreign.mjs';
import { getHeader } from './web/headers.mjs';
import { incomingRequest } from './web/request.mjs';
import { isResponse, Reply, replyOf } from './web/response.mjs';

// With the largest inline body this still fits one session message.
const MaxHeaderLength = 64 * 1024;
// The host's limit, for the reason that common proxies have it.
const MaxHeaders = 200;
const NotAscii = /[^\x00-\x7f]/;
const { isPromise } = types;
const { isInteger } = Number;
const { now } = Date;
const { byteLength } = Buffer;
const NoBytes = Buffer.alloc(0);
const Base32 = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

const NoContent = new Reply(204, [], null, false);

export class Invocation {
  #host;
  #invoke;
  #request = null;
  #context = null;
  #givenContext = null;
  #pendingWaits = 0;
  #answered = false;
  #ended = false;
  #controller = null;
  #cancelReason = null;
  #requestBody = null;
  #responseBody = null;
  #responseReader = null;

  /** `host` is what the invocations of a session share: link, deployment, handler and onEnded(invocation). */
  constructor(host, invoke) {
    this.#host = host;
    this.#invoke = invoke;
    this.id = invoke.id;
    this.acknowledge = invoke.acknowledge;
  }

  // What the function's objects read

  get deployment() { return this.#host.deployment; }
  get request() { return (this.#request ??= incomingRequest(this)); }
  get context() { return (this.#givenContext ??= contextOf(this.#context = new Context(this))); }
  get requestId() { return this.#invoke.requestId; }
  get clientIp() { return this.#invoke.clientIp; }
  get method() { return this.#invoke.method; }
  get url() { return this.#invoke.url; }

  /** The path pattern that matched, or null at the default URL. */
  get routePattern() {
    const { route } = this.#invoke;
    return route < 0 ? null : this.deployment.routes[route];
  }

  incomingHeader(name) {
    return getHeader(this.request.headers, name);
  }

  /** The request's headers with the platform's, which do not travel on the wire. */
  readHeaders() {
    const headers = [];
    const sent = this.#invoke.readHeaders();
    for (let index = 0; index < sent.length; index += 2) {
      if (NotAscii.test(sent[index + 1])) {
        this.#log(Level.WARN, `Discarded request header '${sent[index]}' because it contains non-ASCII characters`);
      } else {
        headers.push(sent[index], sent[index + 1]);
      }
    }
    const { requestId, deployment } = this;
    headers.push('x-nf-request-id', requestId, 'x-nf-client-connection-ip', this.clientIp, 'x-nf-request-start', `${startOf(requestId)}`);
    for (let index = 0; index < deployment.headers.length; index++) headers.push(deployment.headers[index]);
    return headers;
  }

  /** What requests of this invocation say in CDN-Loop: what came in, and this site. */
  get loopHeader() {
    const sent = this.#invoke.readHeaders();
    let value = '';
    for (let index = 0; index < sent.length; index += 2) {
      if (sent[index] === 'cdn-loop' && !NotAscii.test(sent[index + 1])) value += `${sent[index + 1]}, `;
    }
    return value + this.deployment.loopEntry;
  }

  /** Milliseconds until the host ends it; never below zero. */
  get remainingMilliseconds() {
    return Math.max(0, this.#invoke.deadlineUnixMs - now());
  }

  get isScheduled() {
    return this.#invoke.trigger === Trigger.SCHEDULE;
  }

  get isBackground() {
    return this.#invoke.trigger === Trigger.BACKGROUND;
  }

  get signal() {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#cancelReason !== null) this.#controller.abort(this.#cancelReason);
    }
    return this.#controller.signal;
  }

  get bodyBytes() {
    if (this.#invoke.bodyKind !== BodyKind.COMPLETE) return null;
    return this.#invoke.body ?? NoBytes;
  }

  get bodyIsStream() {
    return this.#invoke.bodyKind === BodyKind.STREAMED;
  }

  /** The body as a stream that asks the host for nothing before it is read. */
  openBodyStream() {
    return new ReadableStream({
      type: 'bytes',
      pull: async (controller) => {
        this.#requestBody ??= this.#host.link.openRequestBody(this.id);
        if (this.#ended) this.#requestBody.cancel(new TypeError('The invocation is over.'));
        const chunk = await this.#requestBody.read();
        if (chunk !== null) {
          controller.enqueue(chunk);
        } else {
          controller.close();
          controller.byobRequest?.respond(0);
        }
      },
      cancel: (reason) => this.#requestBody?.cancel(reason),
    }, { highWaterMark: 0 });
  }

  waitUntil(...args) {
    if (args.length === 0) throw new TypeError('waitUntil: At least 1 argument required, but only 0 passed');
    if (this.#ended) return;
    this.#pendingWaits++;
    const promise = isPromise(args[0]) ? args[0] : Promise.resolve(args[0]);
    then(promise, () => this.#waitSettled(), (error) => {
      currentInvocation.run(this, () => console.error(error));
      this.#waitSettled();
    });
  }

  // The course of it

  start() {
    let result;
    try {
      result = currentInvocation.run(this, this.#host.handler, this.request, this.context);
    } catch (error) {
      this.fail(error);
      return;
    }
    if (isPromise(result)) then(result, (value) => this.#returned(value), (error) => this.fail(error));
    else if (isThenable(result)) then(Promise.resolve(result), (value) => this.#returned(value), (error) => this.fail(error));
    else this.#returned(result);
  }

  /** The host wants it over. What the function still does is its own business; its answer is no longer sent. */
  cancel(reason) {
    if (this.#ended || this.#cancelReason !== null) return;
    this.#cancelReason = abortError(reason);
    // Listeners run in here, and what they print is this invocation's.
    if (this.#controller !== null) currentInvocation.run(this, () => this.#controller.abort(this.#cancelReason));
    this.#cutResponse(this.#cancelReason);
    this.#requestBody?.cancel(this.#cancelReason);
  }

  /** The function threw, or an exception of its own was caught by nobody. */
  fail(error) {
    if (this.#ended) return;
    const described = describeError(error);
    const complaint = this.#answered || this.#responseBody !== null ? null : headerEncodingComplaint(described);
    if (complaint === null) {
      this.#end(Outcome.FUNCTION_ERROR, described, 0);
    } else {
      this.#log(Level.ERROR, complaint);
      this.#send(new Reply(500, ['content-type', 'text/plain; charset=utf-8'], complaint, false));
    }
  }

  /** The function called process.exit. */
  exit(exitCode, error) {
    if (this.#ended) return;
    this.#end(Outcome.EXITED, describeError(error), exitCode);
  }

  #returned(value) {
    if (this.#ended) return;
    try {
      const reply = this.#judge(value);
      if (isPromise(reply)) then(reply, (settled) => this.#sendOrFail(settled), (error) => this.fail(error));
      else this.#send(reply);
    } catch (error) {
      this.fail(error);
    }
  }

  #judge(value) {
    if (value === undefined || this.#invoke.trigger === Trigger.BACKGROUND) return NoContent;
    if (isResponse(value)) return replyOf(value);
    if (value instanceof Reply) return value;
    if (looksLikeResponse(value)) return foreignReply(value);
    throw new FunctionError('Error', "Function returned an unsupported value. Accepted types are 'Response' or 'undefined'");
  }

  #sendOrFail(reply) {
    if (this.#ended) return;
    try {
      this.#send(reply);
    } catch (error) {
      this.fail(error);
    }
  }

  #send({ status, headers, body, streaming }) {
    if (this.#cancelReason !== null) {
      if (streaming) discard(body, this.#cancelReason);
      this.#answerSent();
      return;
    }
    if (!isInteger(status) || status < 200 || status > 599) {
      throw new FunctionError('RangeError', `Function returned a Response with status ${status}; a status lies between 200 and 599`);
    }
    const sent = this.#completeHeaders(headers);
    if (status === 204 || status === 205 || status === 304) {
      if (streaming && body !== null) discard(body, null);
      this.#sendWhole(status, sent, null);
    } else if (streaming && body !== null) {
      this.#head(status, sent, true, -1);
      this.#pump(body);
    } else if (isInline(body)) {
      this.#sendWhole(status, sent, body);
    } else {
      const bytes = typeof body === 'string' ? Buffer.from(body) : body;
      this.#head(status, sent, false, bytes.length);
      this.#push(bytes);
    }
  }

  #completeHeaders(headers) {
    const setCookies = this.#context === null ? null : Context.setCookiesOf(this.#context);
    const complete = setCookies === null || setCookies.length === 0
      ? headers : [...headers, ...setCookies.flatMap((value) => ['set-cookie', value])];
    if (complete.length > 2 * MaxHeaders) throw new FunctionError('RangeError', `Function returned ${complete.length / 2} headers; ${MaxHeaders} are allowed`);
    let length = 0;
    for (let index = 0; index < complete.length; index++) length += complete[index].length;
    if (length > MaxHeaderLength) throw new FunctionError('RangeError', `Function returned headers of ${length} characters; ${MaxHeaderLength} are allowed`);
    return complete;
  }

  #sendWhole(status, headers, body) {
    const ended = this.#pendingWaits === 0;
    this.#host.link.response(this.id, status, headers, body === null ? BodyKind.NONE : BodyKind.COMPLETE, body, ended, false, 0);
    if (ended) this.#close();
    else this.#answerSent();
  }

  #head(status, headers, streaming, bodyLength) {
    this.#host.link.response(this.id, status, headers, BodyKind.STREAMED, null, false, streaming, bodyLength);
    this.#responseBody = this.#host.link.openResponseBody(this.id);
  }

  async #push(bytes) {
    await this.#responseBody.sendWhole(bytes);
    this.#answerSent();
  }

  async #pump(stream) {
    const call = this.#responseBody;
    try {
      this.#responseReader = stream.getReader();
      then(call.closed, (whole) => {
        if (!whole) this.#cutResponse(this.#cancelReason ?? new DOMException('The client has gone', 'AbortError'));
      });
      await call.sendStream(this.#responseReader);
    } catch (error) {
      this.#responseReader?.cancel(error).catch(() => {});
      this.#responseReader = null;
      // When the host cut the body first, the stream's complaint about it is no fault of the function's.
      if (!call.isClosed) this.fail(error);
    }
    await call.closed;
    this.#responseReader = null;
    this.#answerSent();
  }

  #cutResponse(reason) {
    this.#responseBody?.cut();
    const reader = this.#responseReader;
    if (reader === null) return;
    this.#responseReader = null;
    currentInvocation.run(this, () => then(Promise.resolve(reader.cancel(reason)), undefined, () => {}));
  }

  #answerSent() {
    this.#answered = true;
    this.#endIfSettled();
  }

  #waitSettled() {
    this.#pendingWaits--;
    this.#endIfSettled();
  }

  #endIfSettled() {
    if (!this.#ended && this.#answered && this.#pendingWaits === 0) this.#end(Outcome.COMPLETED, null, 0);
  }

  #end(outcome, error, exitCode) {
    this.#ended = true;
    if (outcome !== Outcome.COMPLETED) this.#cutResponse(new DOMException('The invocation is over', 'AbortError'));
    this.#host.link.ended(this.id, outcome, error, exitCode);
    this.#close();
  }

  #close() {
    this.#ended = true;
    this.#requestBody?.cancel(new TypeError('The invocation is over.'));
    this.#host.onEnded(this);
  }

  #log(level, text) {
    this.#host.link.log(this.id, level, text);
  }
}

/** When the request arrived, in milliseconds since 1970: a ULID begins with it. */
function startOf(requestId) {
  let time = 0;
  for (let index = 0; index < 10; index++) {
    const digit = Base32.indexOf(requestId[index]);
    if (digit < 0) return now();
    time = time * 32 + digit;
  }
  return time;
}

function isThenable(value) {
  return value !== null && (typeof value === 'object' || typeof value === 'function') && typeof value.then === 'function';
}

function isInline(body) {
  if (body === null) return true;
  if (typeof body !== 'string') return body.length <= MaxInlineBodyBytes;
  return body.length * 3 <= MaxInlineBodyBytes || (body.length <= MaxInlineBodyBytes && byteLength(body) <= MaxInlineBodyBytes);
}

function discard(stream, reason) {
  then(Promise.resolve(stream.cancel?.(reason)), undefined, () => {});
}
