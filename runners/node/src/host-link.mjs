// The link to the host as the rest of the runner sees it: frames on the session, and a call for every body that needs
// one. See protos/sandboxhost/worker/v1/worker.proto.

import { callHeaders, HeadroomBytes, MessageReader, writeMessagePrefix } from './grpc.mjs';
import { decodePlainHeaders } from './hpack.mjs';
import { ErrorCode } from './http2-frames.mjs';
import { Http2Connection } from './http2.mjs';
import { Level, MaxMessageBytes, readHostFrames, WorkerFrameWriter } from './messages.mjs';
import { clearTimeout, setTimeout, then } from './primordials.mjs';
import { RequestBodyCall } from './request-body.mjs';
import { ResponseBodyCall } from './response-body.mjs';

// A batch that has reached this size is closed before the next frame. The largest frame, a response with 64 KiB of body
// and MaxHeaderBytes of headers, still fits the message behind it.
const BatchBytes = 48 * 1024;

const MaxQueuedLogBytes = 256 * 1024;
const MaxQueuedLogs = 1000;

// How long the host may take to read the last frames. Its own patience with a worker that does not exit is longer.
const EndLimitMs = 1000;

const SessionHeaders = callHeaders('Session');
const RequestBodyHeaders = callHeaders('RequestBody');
const ResponseBodyHeaders = callHeaders('ResponseBody');
const CodeCacheHeaders = callHeaders('CodeCache');

export class HostLink {
  #connection;
  #session;
  #writer = new WorkerFrameWriter();
  #grpcStatus = null;
  #queuedLogs = 0;
  #queuedLogBytes = 0;
  #droppedLogs = 0;
  #ending = false;

  /**
   * Gets the host's frames: onWarm, onSpecialise, onInvoke, onCancel, onPing, onDrain, and onBatchEnd after the frames of
   * one message. To be set before the host can have answered the first frame.
   */
  sink = null;

  /** `onClosed(error)` is called when the link is over, with null when the host ended the session in order. */
  constructor(socketPath, onClosed) {
    this.#connection = new Http2Connection(socketPath, onClosed);
    this.#connection.onFlush = () => this.#closeBatch();
    const messages = new MessageReader(MaxMessageBytes, (buffer, start, end) => {
      readHostFrames(buffer, start, end, this.sink);
      this.sink.onBatchEnd();
    });
    this.#session = this.#connection.open(SessionHeaders, {
      onHeaders: (block) => this.#readStatus(decodePlainHeaders(block)),
      onData: (buffer, start, end) => {
        this.#session.credit(end - start);
        messages.push(buffer, start, end);
      },
      onClose: (code) => onClosed(this.#endOfSession(code)),
    });
  }

  hello(token, runtime, runtimeVersion) { this.#frame().hello(token, runtime, runtimeVersion); }
  warmed() { this.#frame().warmed(); }
  specialised(loadError, codeCache) { this.#frame().specialised(loadError, codeCache); }
  pong(nonce) { this.#frame().pong(nonce); }
  leaving(reason) { this.#frame().leaving(reason); }

  response(id, status, headers, bodyKind, body, ended, streaming, bodyLength) {
    this.#frame().response(id, status, headers, bodyKind, body, ended, streaming, bodyLength);
  }

  ended(id, outcome, error, exitCode) {
    this.#frame().ended(id, outcome, error, exitCode);
  }

  /** Hands Accepted to the kernel before it returns, and calls `proceed` at once; or later, if the kernel is full. */
  accepted(ids, proceed) {
    this.#frame().accepted(ids);
    this.whenFlushed(proceed);
  }

  /** Never blocks and never grows without bound: what the host does not take in time is dropped and counted. */
  log(id, level, text) {
    if (this.#queuedLogs >= MaxQueuedLogs || this.#queuedLogBytes >= MaxQueuedLogBytes) this.#connection.flush();
    if (this.#queuedLogs >= MaxQueuedLogs || this.#queuedLogBytes >= MaxQueuedLogBytes) {
      this.#droppedLogs++;
      return;
    }
    this.#queuedLogs++;
    this.#queuedLogBytes += text.length;
    this.#frame().log(id, level, text, this.#droppedLogs);
    this.#droppedLogs = 0;
  }

  openRequestBody(id) {
    return new RequestBodyCall(this.#connection, RequestBodyHeaders, id);
  }

  /** The head that announced the body goes first. */
  openResponseBody(id) {
    this.#closeBatch();
    return new ResponseBodyCall(this.#connection, ResponseBodyHeaders, id);
  }

  /** Resolves when the host has the bytes, or does not want them. */
  async sendCodeCache(bytes) {
    await new ResponseBodyCall(this.#connection, CodeCacheHeaders, 0).sendWhole(bytes);
  }

  /** Flushes, and calls back when the kernel has every frame: at once if it can, else when the host has made room. */
  whenFlushed(callback) {
    this.#connection.flush();
    if (this.#session.pendingBytes === 0) this.#connection.whenFlushed(callback);
    else then(this.#session.whenWritable(), () => this.whenFlushed(callback));
  }

  flush() {
    this.#connection.flush();
  }

  /**
   * Ends the session and the connection in order, then calls back. The host ends its half when it has read all of this
   * one; a connection that closed earlier would take along what is still unread. A host that does not is not waited for.
   */
  end(callback) {
    if (this.#ending) return;
    this.#ending = true;
    this.whenFlushed(() => {
      const close = () => {
        clearTimeout(limit);
        this.#session.listener.onClose = () => {};
        this.#connection.end(callback);
      };
      const limit = setTimeout(close, EndLimitMs);
      this.#session.listener.onClose = close;
      this.#session.sendEnd();
      this.#connection.flush();
    });
  }

  #frame() {
    const writer = this.#writer;
    if (writer.length >= BatchBytes) this.#closeBatch();
    if (writer.length === 0) {
      openBatch(writer);
      this.#connection.scheduleFlush();
    }
    return writer;
  }

  #closeBatch() {
    const writer = this.#writer;
    if (this.#session.pendingBytes === 0 && !this.#connection.congested) {
      this.#queuedLogs = 0;
      this.#queuedLogBytes = 0;
      // There may be no further message that could carry the count.
      if (this.#droppedLogs > 0) {
        if (writer.length === 0) openBatch(writer);
        writer.log(0, Level.WARN, '', this.#droppedLogs);
        this.#droppedLogs = 0;
      }
    }
    if (writer.length === 0) return;
    const message = writer.take();
    writeMessagePrefix(message);
    this.#session.send(message);
  }

  #readStatus(headers) {
    const status = headers.get('grpc-status');
    if (status !== undefined && status !== '0') this.#grpcStatus = `${status} ${headers.get('grpc-message') ?? ''}`;
  }

  #endOfSession(code) {
    if (this.#grpcStatus !== null) return new Error(`The host ended the session with gRPC status ${this.#grpcStatus}.`);
    if (code !== ErrorCode.NO_ERROR) return new Error(`The host reset the session with code ${code}.`);
    return null;
  }
}

function openBatch(writer) {
  writer.reserve(HeadroomBytes);
  writer.position += HeadroomBytes;
}
