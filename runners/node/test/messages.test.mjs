import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadSync } from '@grpc/proto-loader';
import { readBodyChunk, readHostFrames, BodyWriter, WorkerFrameWriter } from '../src/messages.mjs';
import { MalformedMessageError } from '../src/protobuf.mjs';
import { protoFile } from './support/fake-host.mjs';
import { Random } from './support/random.mjs';

// protobufjs, as proto-loader wraps it, is the other implementation.
const options = { longs: Number, defaults: true, oneofs: true };
const { Session, RequestBody, ResponseBody } = loadSync(protoFile, options)['sandboxhost.worker.v1.WorkerService'];
const Rounds = 300;

function decodeHostFrames(bytes) {
  const seen = [];
  readHostFrames(bytes, 0, bytes.length, {
    onWarm: () => seen.push(['warm']),
    onSpecialise: (message) => seen.push(['specialise', message]),
    onInvoke: (message) => seen.push(['invoke', {
      id: message.id, requestId: message.requestId, method: message.method, url: message.url, headers: message.readHeaders(), clientIp: message.clientIp, route: message.route,
      bodyKind: message.bodyKind, body: message.body ?? Buffer.alloc(0), deadlineUnixMs: message.deadlineUnixMs, acknowledge: message.acknowledge, trigger: message.trigger,
    }]),
    onCancel: (message) => seen.push(['cancel', message]),
    onPing: (nonce) => seen.push(['ping', nonce]),
    onDrain: () => seen.push(['drain']),
  });
  return seen;
}

function randomHostFrame(random) {
  const text = () => random.text();
  switch (random.below(6)) {
    case 0: return { warm: {} };
    case 1: return { specialise: { functionName: text(), entry: text(), environment: random.list(text), routes: random.list(text), accountId: text(), region: text(), showErrors: random.bool(), geo: text(), memoryMb: random.uint32(), codeCache: random.below(3),
      site: { id: text(), name: text(), url: text() }, deploy: { id: text(), context: text(), published: random.bool(), branch: text() } } };
    case 2: return { invoke: { id: random.uint32(), requestId: text(), method: text(), url: text(), headers: random.list(text, 20), clientIp: text(), route: random.int32(), bodyKind: random.below(3),
      body: random.bytes(), deadlineUnixMs: random.safeInt64(), acknowledge: random.bool(), trigger: random.below(3) } };
    case 3: return { cancel: { id: random.uint32(), reason: random.below(5) } };
    case 4: return { ping: { nonce: 0 } };
    default: return { drain: {} };
  }
}

test('random host frames are read as protobufjs wrote them', () => {
  const random = new Random(1);
  for (let round = 0; round < Rounds; round++) {
    const frames = random.list(() => randomHostFrame(random), 4);

    const seen = decodeHostFrames(Session.responseSerialize({ frames }));

    assert.deepEqual(seen.map(([kind]) => kind), frames.map((frame) => Object.keys(frame)[0]));
    seen.forEach(([kind, message], index) => {
      if (message && kind !== 'ping') assert.deepEqual(message, frames[index][kind]);
    });
  }
});

test('random worker frames are read by protobufjs as they were written', () => {
  const random = new Random(2);
  const writer = new WorkerFrameWriter();
  for (let round = 0; round < Rounds; round++) {
    const expected = [];
    const text = () => random.text();
    const error = () => ({ type: text(), message: text(), trace: random.list(text) });
    const writes = [
      () => { const [a, b, c] = [text(), text(), text()]; writer.hello(a, b, c); return { hello: { protocolVersion: 1, token: a, runtime: b, runtimeVersion: c } }; },
      () => { writer.warmed(); return { warmed: {} }; },
      () => {
        const loadError = random.bool() ? error() : null;
        const codeCache = random.list(() => ({ name: text(), bytes: random.bytes(), sha256: random.bytes() }));
        writer.specialised(loadError, codeCache);
        return { specialised: { codeCache: codeCache.map(({ name, bytes, sha256 }) => ({ name, bytes: bytes.length, sha256: Buffer.from(sha256) })), loadError } };
      },
      () => { const ids = random.list(() => random.uint32(), 200); writer.accepted(ids); return { accepted: { ids } }; },
      () => {
        const response = { id: random.uint32(), status: random.uint32(), headers: random.list(text, 20), bodyKind: random.below(3), body: random.bytes(), ended: random.bool(), streaming: random.bool(), bodyLength: random.safeInt64() };
        const body = random.bool() ? response.body : text();
        writer.response(response.id, response.status, response.headers, response.bodyKind, body, response.ended, response.streaming, response.bodyLength);
        return { response: { ...response, bodyKind: bodyKinds[response.bodyKind], body: Buffer.from(body) } };
      },
      () => { const ended = { id: random.uint32(), outcome: outcomes[1 + random.below(3)], error: random.bool() ? error() : null, exitCode: random.int32() };
        writer.ended(ended.id, outcomes.indexOf(ended.outcome), ended.error, ended.exitCode); return { ended }; },
      () => { const log = { id: random.uint32(), level: levels[random.below(5)], text: text(), dropped: random.uint32() }; writer.log(log.id, levels.indexOf(log.level), log.text, log.dropped); return { log }; },
      () => { const reason = text(); writer.leaving(reason); return { leaving: { reason } }; },
    ];
    for (let count = random.below(5); count > 0; count--) expected.push(random.pick(writes)());

    const { frames } = reading.Session.requestDeserialize(Buffer.from(writer.take()));

    assert.deepEqual(frames.map(({ kind, ...frame }) => JSON.parse(JSON.stringify(frame))), JSON.parse(JSON.stringify(expected)));
  }
});

const reading = loadSync(protoFile, { ...options, enums: String })['sandboxhost.worker.v1.WorkerService'];
const bodyKinds = ['BODY_KIND_UNSPECIFIED', 'BODY_KIND_COMPLETE', 'BODY_KIND_STREAMED'];
const outcomes = ['OUTCOME_UNSPECIFIED', 'OUTCOME_COMPLETED', 'OUTCOME_FUNCTION_ERROR', 'OUTCOME_EXITED'];
const levels = ['LEVEL_UNSPECIFIED', 'LEVEL_DEBUG', 'LEVEL_INFO', 'LEVEL_WARN', 'LEVEL_ERROR'];

test('a nonce comes back as it went out, all 64 bits', () => {
  const strings = loadSync(protoFile, { ...options, longs: String })['sandboxhost.worker.v1.WorkerService'];
  const writer = new WorkerFrameWriter();
  for (const nonce of ['0', '1', '127', '128', '4294967296', '9007199254740993', '18446744073709551615']) {
    const [[, bytes]] = decodeHostFrames(strings.Session.responseSerialize({ frames: [{ ping: { nonce } }] }));
    writer.pong(bytes);

    assert.equal(strings.Session.requestDeserialize(Buffer.from(writer.take())).frames[0].pong.nonce, nonce);
  }
});

test('body messages are understood both ways', () => {
  const random = new Random(3);
  const writer = new BodyWriter();
  for (let round = 0; round < Rounds; round++) {
    const chunk = { id: random.uint32(), data: random.bytes(), last: random.bool() };

    const bytes = RequestBody.responseSerialize(chunk);
    const { data, last } = readBodyChunk(bytes, 0, bytes.length);
    assert.deepEqual([data ?? Buffer.alloc(0), last], [chunk.data, chunk.last]);

    writer.bodyChunk(chunk.id, chunk.data, chunk.last);
    assert.deepEqual({ ...ResponseBody.requestDeserialize(Buffer.from(writer.take())) }, chunk);
    writer.bodyRef(chunk.id);
    assert.deepEqual({ ...RequestBody.requestDeserialize(Buffer.from(writer.take())) }, { id: chunk.id });
  }
});

test('a lone surrogate is written as the replacement character, in short and in long texts', () => {
  const writer = new WorkerFrameWriter();
  for (const text of ['a\ud800b', `${'x'.repeat(100)}\udfff`]) {
    writer.leaving(text);

    assert.equal(Session.requestDeserialize(Buffer.from(writer.take())).frames[0].leaving.reason, text.toWellFormed());
  }
});

test('fields and frames that nobody knows are skipped', () => {
  const unknown = [0x98, 0x06, 0x01, 0x9a, 0x06, 0x02, 1, 2, 0x99, 0x06, 1, 2, 3, 4, 5, 6, 7, 8, 0x9d, 0x06, 1, 2, 3, 4];
  const cancel = [0x08, 0x05, ...unknown, 0x10, 0x01];
  const frame = [0x22, cancel.length, ...cancel, ...unknown];

  const seen = decodeHostFrames(Buffer.from([...unknown, 0x0a, frame.length, ...frame, 0x0a, unknown.length, ...unknown]));

  assert.deepEqual(seen, [['cancel', { id: 5, reason: 1 }]]);
});

test('messages that are cut or garbled throw MalformedMessageError and nothing else', () => {
  const random = new Random(4);
  let malformed = 0;
  for (let round = 0; round < 3000; round++) {
    const bytes = Buffer.from(Session.responseSerialize({ frames: [randomHostFrame(random), randomHostFrame(random)] }));
    for (let count = random.below(4); count > 0; count--) bytes[random.below(bytes.length)] = random.below(256);
    try {
      decodeHostFrames(bytes.subarray(0, random.bool() ? random.below(bytes.length) : bytes.length));
    } catch (error) {
      assert.ok(error instanceof MalformedMessageError, error.stack);
      malformed++;
    }
  }
  assert.ok(malformed > 500, `${malformed}`);
});
