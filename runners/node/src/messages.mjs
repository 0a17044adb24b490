// The messages of protos/sandboxhost/worker/v1/worker.proto, as far as a worker reads or writes them. Field numbers are
// the contract's; names are kept so that the two files can be read side by side.

import { ProtoReader, ProtoWriter, WireType } from './protobuf.mjs';

export const BodyKind = { NONE: 0, COMPLETE: 1, STREAMED: 2 };
export const Trigger = { REQUEST: 0, BACKGROUND: 1, SCHEDULE: 2 };
export const Outcome = { COMPLETED: 1, FUNCTION_ERROR: 2, EXITED: 3 };
export const Level = { DEBUG: 1, INFO: 2, WARN: 3, ERROR: 4 };
export const CodeCacheUse = { NONE: 0, PLACED: 1, WANTED: 2 };
export const Reason = { UNSPECIFIED: 0, CLIENT_GONE: 1, TIMEOUT: 2, LIMIT: 3, SHUTDOWN: 4 };

export const MaxInlineBodyBytes = 64 * 1024;
export const MaxChunkBytes = 64 * 1024;
export const MaxLogBytes = 64 * 1024;
export const MaxMessageBytes = 256 * 1024;

const Bytes = WireType.BYTES;
const Varint = WireType.VARINT;

const key = (number, wireType) => (number << 3) | wireType;

// host → worker

/** Decodes a HostFrames message and calls `sink` once a frame, in order. */
export function readHostFrames(buffer, start, end, sink) {
  const reader = new ProtoReader(buffer, start, end);
  while (!reader.done) {
    const field = reader.key();
    if (field === key(1, Bytes)) readHostFrame(reader.message(), sink);
    else reader.skip(field);
  }
}

function readHostFrame(reader, sink) {
  while (!reader.done) {
    const field = reader.key();
    switch (field) {
      case key(1, Bytes): reader.message(); sink.onWarm(); break;
      case key(2, Bytes): sink.onSpecialise(readSpecialise(reader.message())); break;
      case key(3, Bytes): sink.onInvoke(new Invoke(reader.message())); break;
      case key(4, Bytes): sink.onCancel(readCancel(reader.message())); break;
      case key(5, Bytes): sink.onPing(readNonce(reader.message())); break;
      case key(6, Bytes): reader.message(); sink.onDrain(); break;
      default: reader.skip(field);
    }
  }
}

function readSpecialise(reader) {
  const message = {
    functionName: '', entry: '', environment: [], routes: [], site: readSite(), deploy: readDeploy(),
    accountId: '', region: '', showErrors: false, geo: '', memoryMb: 0, codeCache: CodeCacheUse.NONE,
  };
  while (!reader.done) {
    const field = reader.key();
    switch (field) {
      case key(1, Bytes): message.functionName = reader.string(); break;
      case key(2, Bytes): message.entry = reader.string(); break;
      case key(3, Bytes): message.environment.push(reader.string()); break;
      case key(4, Bytes): message.routes.push(reader.string()); break;
      case key(5, Bytes): message.site = readSite(reader.message()); break;
      case key(6, Bytes): message.deploy = readDeploy(reader.message()); break;
      case key(7, Bytes): message.accountId = reader.string(); break;
      case key(8, Bytes): message.region = reader.string(); break;
      case key(9, Varint): message.showErrors = reader.bool(); break;
      case key(10, Bytes): message.geo = reader.string(); break;
      case key(11, Varint): message.memoryMb = reader.varint32(); break;
      case key(12, Varint): message.codeCache = reader.varint32(); break;
      default: reader.skip(field);
    }
  }
  return message;
}

function readSite(reader) {
  const site = { id: '', name: '', url: '' };
  while (reader && !reader.done) {
    const field = reader.key();
    switch (field) {
      case key(1, Bytes): site.id = reader.string(); break;
      case key(2, Bytes): site.name = reader.string(); break;
      case key(3, Bytes): site.url = reader.string(); break;
      default: reader.skip(field);
    }
  }
  return site;
}

function readDeploy(reader) {
  const deploy = { id: '', context: '', published: false, branch: '' };
  while (reader && !reader.done) {
    const field = reader.key();
    switch (field) {
      case key(1, Bytes): deploy.id = reader.string(); break;
      case key(2, Bytes): deploy.context = reader.string(); break;
      case key(3, Varint): deploy.published = reader.bool(); break;
      case key(4, Bytes): deploy.branch = reader.string(); break;
      default: reader.skip(field);
    }
  }
  return deploy;
}

/**
 * An invocation's start. Texts stay in the bytes they came in until somebody asks for them: most functions never look
 * at most of them. The bytes are not overwritten later (http2.mjs reads into fresh slabs).
 */
export class Invoke {
  #buffer;
  #start;
  #end;
  #requestId = -1;
  #method = -1;
  #url = -1;
  #clientIp = -1;

  constructor(reader) {
    this.id = 0;
    this.route = 0;
    this.bodyKind = BodyKind.NONE;
    this.body = null;
    this.deadlineUnixMs = 0;
    this.acknowledge = false;
    this.trigger = Trigger.REQUEST;
    this.#buffer = reader.buffer;
    this.#start = reader.position;
    this.#end = reader.end;
    while (!reader.done) {
      const field = reader.key();
      switch (field) {
        case key(1, Varint): this.id = reader.varint32(); break;
        case key(2, Bytes): this.#requestId = reader.position; reader.span(); break;
        case key(3, Bytes): this.#method = reader.position; reader.span(); break;
        case key(4, Bytes): this.#url = reader.position; reader.span(); break;
        case key(6, Bytes): this.#clientIp = reader.position; reader.span(); break;
        case key(7, Varint): this.route = reader.sint32(); break;
        case key(8, Varint): this.bodyKind = reader.varint32(); break;
        case key(9, Bytes): this.body = reader.bytes(); break;
        case key(10, Varint): this.deadlineUnixMs = reader.int64(); break;
        case key(11, Varint): this.acknowledge = reader.bool(); break;
        case key(12, Varint): this.trigger = reader.varint32(); break;
        default: reader.skip(field);
      }
    }
  }

  get requestId() { return this.#text(this.#requestId); }
  get method() { return this.#text(this.#method); }
  get url() { return this.#text(this.#url); }
  get clientIp() { return this.#text(this.#clientIp); }

  /** A new flat list: name, value, name, value … */
  readHeaders() {
    const headers = [];
    const reader = new ProtoReader(this.#buffer, this.#start, this.#end);
    while (!reader.done) {
      const field = reader.key();
      if (field === key(5, Bytes)) headers.push(reader.string());
      else reader.skip(field);
    }
    return headers;
  }

  #text(position) {
    return position < 0 ? '' : new ProtoReader(this.#buffer, position, this.#end).string();
  }
}

function readCancel(reader) {
  const message = { id: 0, reason: Reason.UNSPECIFIED };
  while (!reader.done) {
    const field = reader.key();
    switch (field) {
      case key(1, Varint): message.id = reader.varint32(); break;
      case key(2, Varint): message.reason = reader.varint32(); break;
      default: reader.skip(field);
    }
  }
  return message;
}

/** A nonce is only ever sent back, so it stays the bytes of its varint: all 64 bits, and no BigInt. */
function readNonce(reader) {
  let nonce = null;
  while (!reader.done) {
    const field = reader.key();
    if (field === key(1, Varint)) {
      const start = reader.position;
      reader.varint32();
      nonce = reader.buffer.subarray(start, reader.position);
    } else {
      reader.skip(field);
    }
  }
  return nonce;
}

/** `data` is a view of the bytes given. */
export function readBodyChunk(buffer, start, end) {
  const message = { data: null, last: false };
  const reader = new ProtoReader(buffer, start, end);
  while (!reader.done) {
    const field = reader.key();
    switch (field) {
      case key(2, Bytes): message.data = reader.bytes(); break;
      case key(3, Varint): message.last = reader.bool(); break;
      default: reader.skip(field);
    }
  }
  return message;
}

// worker → host

/** Writes the frames of a WorkerFrames message, one method a kind. */
export class WorkerFrameWriter extends ProtoWriter {
  hello(token, runtime, runtimeVersion) {
    const frame = this.open(1);
    const hello = this.open(1);
    this.uint32(1, 1);
    this.string(2, token);
    this.string(3, runtime);
    this.string(4, runtimeVersion);
    this.close(hello);
    this.close(frame);
  }

  warmed() {
    this.#empty(2);
  }

  /** `loadError` as describeError() makes it, or null when the function is ready; `codeCache` as CodeCache.collect() gives it. */
  specialised(loadError, codeCache) {
    const frame = this.open(1);
    const specialised = this.open(3);
    if (loadError !== null) this.#error(1, loadError);
    for (const { name, bytes, sha256 } of codeCache) {
      const file = this.open(2);
      this.string(1, name);
      this.uint32(2, bytes.length);
      this.bytes(3, sha256);
      this.close(file);
    }
    this.close(specialised);
    this.close(frame);
  }

  accepted(ids) {
    const frame = this.open(1);
    const accepted = this.open(4);
    const packed = this.open(1);
    this.reserve(ids.length * 5);
    for (let index = 0; index < ids.length; index++) this.varint(ids[index]);
    this.close(packed);
    this.close(accepted);
    this.close(frame);
  }

  /** `body` is null, a string (sent as UTF-8) or bytes; at most 64 KiB of either. */
  response(id, status, headers, bodyKind, body, ended, streaming, bodyLength) {
    const frame = this.open(1);
    const response = this.open(5);
    this.uint32(1, id);
    this.uint32(2, status);
    for (let index = 0; index < headers.length; index++) this.string(3, headers[index]);
    this.uint32(4, bodyKind);
    if (typeof body === 'string') this.string(5, body);
    else if (body !== null) this.bytes(5, body);
    this.bool(6, ended);
    this.bool(7, streaming);
    this.int64(8, bodyLength);
    this.close(response);
    this.close(frame);
  }

  ended(id, outcome, error, exitCode) {
    const frame = this.open(1);
    const ended = this.open(6);
    this.uint32(1, id);
    this.uint32(2, outcome);
    if (error !== null) this.#error(3, error);
    this.int64(4, exitCode);
    this.close(ended);
    this.close(frame);
  }

  log(id, level, text, dropped) {
    const frame = this.open(1);
    const log = this.open(7);
    this.uint32(1, id);
    this.uint32(2, level);
    this.string(3, text);
    this.uint32(4, dropped);
    this.close(log);
    this.close(frame);
  }

  /** `nonce` as it came with Ping. */
  pong(nonce) {
    const frame = this.open(1);
    const pong = this.open(8);
    if (nonce !== null) {
      this.reserve(1 + nonce.length);
      this.buffer[this.position++] = key(1, Varint);
      this.buffer.set(nonce, this.position);
      this.position += nonce.length;
    }
    this.close(pong);
    this.close(frame);
  }

  leaving(reason) {
    const frame = this.open(1);
    const leaving = this.open(9);
    this.string(1, reason);
    this.close(leaving);
    this.close(frame);
  }

  #empty(number) {
    const frame = this.open(1);
    this.close(this.open(number));
    this.close(frame);
  }

  #error(number, { type, message, trace }) {
    const error = this.open(number);
    this.string(1, type);
    this.string(2, message);
    for (let index = 0; index < trace.length; index++) this.string(3, trace[index]);
    this.close(error);
  }
}

/** Writes one BodyRef or BodyChunk. */
export class BodyWriter extends ProtoWriter {
  bodyRef(id) {
    this.uint32(1, id);
  }

  bodyChunk(id, data, last) {
    this.uint32(1, id);
    this.bytes(2, data);
    this.bool(3, last);
  }
}
