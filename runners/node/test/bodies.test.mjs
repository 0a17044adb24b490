import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { hostsOf, within } from './support/fake-host.mjs';

const { serve } = hostsOf(after);
const MiB = 1024 * 1024;

/** Sends chunks on a RequestBody call as it takes them; `sent` counts bytes. */
async function sendBody(call, totalBytes, progress, chunkBytes = 64 * 1024) {
  const data = Buffer.alloc(chunkBytes, 'x');
  while (progress.sent < totalBytes) {
    progress.sent += chunkBytes;
    if (!call.write({ data, last: progress.sent >= totalBytes })) await once(call, 'drain');
  }
  call.end();
}

const residentBytes = (pid) => Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]) * 1024;

test('a string and bytes up to 64 KiB travel with the head, larger ones on a call with their length', async () => {
  const host = await serve(`export default async (req) => {
    const [kind, size] = new URL(req.url).pathname.slice(1).split('/');
    return new Response(kind === 'string' ? 'ä'.repeat(size / 2) : new Uint8Array(Number(size))); }`);
  for (const kind of ['string', 'bytes']) {
    for (const size of [0, 2, 65534, 65536, 65538, 300_000]) {
      const { response, body } = await host.call({ url: `http://localhost/${kind}/${size}` });

      assert.equal(body.length, size);
      assert.equal(response.bodyKind, size <= 65536 ? 'BODY_KIND_COMPLETE' : 'BODY_KIND_STREAMED');
      assert.equal(response.bodyLength, size <= 65536 ? 0 : size);
      assert.equal(response.streaming, false);
    }
  }
});

test('Blob, FormData, URLSearchParams and ArrayBuffer bodies are buffered replies', async () => {
  const host = await serve(`export default async (req) => {
    const form = new FormData(); form.set('a', 'b');
    const bodies = { blob: new Blob(['blob'], { type: 'text/x' }), form, search: new URLSearchParams('a=b'), buffer: new TextEncoder().encode('buffer').buffer };
    return new Response(bodies[new URL(req.url).pathname.slice(1)]); }`);
  for (const [kind, type, text] of [['blob', 'text/x', /^blob$/], ['form', /^multipart\/form-data; boundary=/, /name="a"/],
    ['search', 'application/x-www-form-urlencoded;charset=UTF-8', /^a=b$/], ['buffer', undefined, /^buffer$/]]) {
    const answer = await host.call({ url: `http://localhost/${kind}` });

    assert.equal(answer.response.streaming, false);
    assert.equal(answer.response.ended, true);
    assert.match(answer.text, text);
    const found = new Map(answer.headers).get('content-type');
    if (type instanceof RegExp) assert.match(found, type);
    else assert.equal(found, type);
  }
});

test('the head of a stream goes out before its first chunk, and every chunk at once', async () => {
  const host = await serve(`export default async () => new Response(new ReadableStream({
    async pull(controller) {
      const chunk = await new Promise((resolve) => process.once('SIGUSR2', () => resolve('tick')));
      controller.enqueue(new TextEncoder().encode(chunk));
      if (++this.count === 3) controller.close(); }, count: 0 }, { highWaterMark: 0 }))`);
  const id = host.invoke();
  const response = await host.response(id);
  assert.equal(response.streaming, true);
  assert.equal(response.bodyLength, -1);
  assert.equal(response.bodyKind, 'BODY_KIND_STREAMED');
  // The first chunk names the invocation, so the body is known here only with it.
  for (let count = 1; count <= 3; count++) {
    await host.until(() => { host.process.kill('SIGUSR2'); return true; }, 'signal');
    await within((async () => { while ((host.responseBodies.get(id)?.chunks.length ?? 0) < count) await new Promise(setImmediate); })(), `chunk ${count}`);
  }
  assert.equal(Buffer.concat(await host.body(id)).toString(), 'tickticktick');
  assert.equal((await host.end(id)).outcome, 'OUTCOME_COMPLETED');
});

test('a function that returns an async iterable or a fetched Response streams it', async () => {
  const host = await serve(`export default async (req) => req.url.endsWith('iterable')
    ? new Response((async function* () { yield new Uint8Array([104]); yield new Uint8Array([105]); })())
    : fetch('data:text/plain,fetched')`);

  const iterable = await host.call({ url: 'http://localhost/iterable' });
  const fetched = await host.call({ url: 'http://localhost/fetched' });

  assert.equal(iterable.text, 'hi');
  assert.equal(iterable.response.streaming, true);
  assert.equal(fetched.text, 'fetched');
});

test('a compressed Response that was fetched is sent on as what it is by then: decoded', async () => {
  const server = createServer((request, response) => {
    const body = gzipSync('decoded');
    response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': body.length, 'x-kept': 'yes' }).end(body);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = await serve(`export default (req) => fetch('http://127.0.0.1:${server.address().port}/')`);

  const { text, headers } = await host.call();

  const names = headers.map(([name]) => name);
  assert.equal(text, 'decoded');
  assert.ok(names.includes('x-kept') && !names.includes('content-encoding') && !names.includes('content-length'), `${names}`);
  server.close();
  server.closeAllConnections();
});

test('a chunk of a stream that is not bytes breaks the body and the invocation', async () => {
  const host = await serve(`export default async () => new Response(new ReadableStream({
    start(controller) { controller.enqueue(new Uint8Array(3)); controller.enqueue('text'); controller.close(); } }))`);
  const id = host.invoke();

  const ended = await host.end(id);

  assert.equal(ended.outcome, 'OUTCOME_FUNCTION_ERROR');
  assert.equal(ended.error.type, 'TypeError');
  await assert.rejects(host.body(id), /cut/);
});

test('a stream that throws half-way is cut, never ended', async () => {
  const host = await serve(`export default async () => new Response(new ReadableStream({ count: 0,
    pull(controller) { if (this.count++ === 2) throw new RangeError('half-way'); controller.enqueue(new Uint8Array(1000)); } }))`);
  const id = host.invoke();

  const ended = await host.end(id);

  assert.deepEqual([ended.outcome, ended.error.type, ended.error.message], ['OUTCOME_FUNCTION_ERROR', 'RangeError', 'half-way']);
  await assert.rejects(host.body(id), /cut/);
});

test('a used or locked body is an error', async () => {
  const host = await serve(`export default async (req) => {
    const response = req.url.endsWith('native') ? new Response(new Blob(['x'])) : new Response('x');
    if (req.url.includes('locked')) response.body.getReader(); else await response.text();
    return response; }`);
  for (const path of ['used', 'locked', 'used/native', 'locked/native']) {
    const { ended } = await host.call({ url: `http://localhost/${path}` });

    assert.deepEqual([ended.outcome, ended.error?.type, ended.error?.message],
      ['OUTCOME_FUNCTION_ERROR', 'TypeError', 'Response body object should not be disturbed or locked'], path);
  }
});

test('50 MB to a slow reader: the function is held back and memory stays bounded', async () => {
  const total = 50 * MiB;
  const host = await serve(`let produced = 0;
    export default async (req) => {
      if (req.url.endsWith('produced')) return Response.json(produced);
      return new Response(new ReadableStream({ pull(controller) {
        if (produced >= ${total}) return controller.close();
        controller.enqueue(new Uint8Array(65536)); produced += 65536; } })); }`);
  const produced = async () => Number((await host.call({ url: 'http://localhost/produced' })).text);
  let consumed = 0;
  let stepsLeft = 6;
  let paused;
  const finished = new Promise((resolve, reject) => {
    host.onResponseBody = (call, callback) => {
      call.on('data', ({ data }) => {
        consumed += data.length;
        if (stepsLeft > 0 && consumed > (7 - stepsLeft) * 4 * MiB) {
          stepsLeft--;
          call.pause();
          paused.resolve(call);
        }
      });
      call.on('end', () => { callback(null, { bytes: consumed }); resolve(); });
      call.on('cancelled', () => reject(new Error('cut')));
    };
  });
  paused = Promise.withResolvers();
  const id = host.invoke();
  let largest = 0;
  for (let step = 0; step < 6; step++) {
    const call = await within(paused.promise, 'pause', 20_000);
    // Two round trips while nothing is read: the function would run ahead here if nobody held it back.
    await produced();
    const ahead = (await produced()) - consumed;
    largest = Math.max(largest, ahead);
    paused = Promise.withResolvers();
    call.resume();
  }
  await within(finished, 'end of the body', 20_000);
  assert.equal((await host.end(id)).outcome, 'OUTCOME_COMPLETED');
  assert.equal(consumed, total);
  // What grpc-js and Node buffer for a paused call is in this number as well.
  assert.ok(largest < 2 * MiB, `the function was ${largest} bytes ahead`);
  assert.ok(residentBytes(host.process.pid) < 250 * MiB, `${residentBytes(host.process.pid)} bytes resident`);
});

test('when the host resets a response body the function\'s stream is cancelled with a reason', async () => {
  const host = await serve(`export default async () => new Response(new ReadableStream({
    pull(controller) { controller.enqueue(new Uint8Array(1000)); },
    cancel(reason) { console.log('cancelled', reason.name); } }))`);
  host.onResponseBody = (call) => call.once('data', () => call.emit('error', { code: 1, details: 'gone' }));
  const id = host.invoke();

  const ended = await host.end(id);

  assert.equal(ended.outcome, 'OUTCOME_COMPLETED');
  assert.equal(host.logs(id)[0].text, 'cancelled AbortError');
});

test('a request body that is streamed is read chunk by chunk to its end', async () => {
  const host = await serve(`export default async (req) => Response.json([req.bodyUsed, await req.text(), req.bodyUsed])`);
  host.onRequestBody = (call) => {
    for (const text of ['one ', 'two ', 'thr']) call.write({ data: Buffer.from(text) });
    call.write({ data: Buffer.from('ee'), last: true });
    call.end();
  };

  const { text } = await host.call({ method: 'POST', bodyKind: 'BODY_KIND_STREAMED' });

  assert.equal(text, '[false,"one two three",true]');
});

test('a request body that nobody reads is not asked for', async () => {
  const host = await serve(`export default async (req) => { req.body; return new Response('ok'); }`);
  let asked = false;
  host.onRequestBody = (call) => { asked = true; call.end(); };

  await host.call({ method: 'POST', bodyKind: 'BODY_KIND_STREAMED' });

  assert.equal(asked, false);
});

test('a request body that ends without its last chunk fails its reader', async () => {
  const host = await serve(`export default async (req) => { try { await req.text(); } catch (error) { return new Response(String(error)); } }`);
  host.onRequestBody = (call) => {
    call.write({ data: Buffer.from('half') });
    call.end();
  };

  const { text } = await host.call({ method: 'POST', bodyKind: 'BODY_KIND_STREAMED' });

  assert.equal(text, 'TypeError: The request body was cut off before its end.');
});

test('a reader that cancels resets the request body', async () => {
  const host = await serve(`export default async (req) => { const reader = req.body.getReader(); await reader.read(); await reader.cancel('enough'); return new Response('ok'); }`);
  const cancelled = new Promise((resolve) => {
    host.onRequestBody = (call) => {
      call.on('cancelled', resolve);
      sendBody(call, 10 * MiB, { sent: 0 }).catch(() => {});
    };
  });

  const { text } = await host.call({ method: 'POST', bodyKind: 'BODY_KIND_STREAMED' });

  assert.equal(text, 'ok');
  await within(cancelled, 'cancellation');
});

test('a 50 MB request body is held back by a slow function', async () => {
  const total = 50 * MiB;
  const host = await serve(`export default async (req) => {
    let bytes = 0; let chunks = 0;
    for await (const chunk of req.body) {
      bytes += chunk.length;
      if (++chunks % 100 === 0) { console.log(bytes); await new Promise((resolve) => process.once('SIGUSR2', resolve)); }
    }
    return Response.json(bytes); }`);
  const progress = { sent: 0 };
  host.onRequestBody = (call) => sendBody(call, total, progress);
  const id = host.invoke({ method: 'POST', bodyKind: 'BODY_KIND_STREAMED' });
  let largest = 0;
  for (let step = 1; step <= 8; step++) {
    const log = await host.until(() => host.logs(id)[step - 1], `log ${step}`);
    host.send({ ping: { nonce: step } });
    await host.frame('pong', ({ nonce }) => nonce === step);
    largest = Math.max(largest, progress.sent - Number(log.text));
    host.process.kill('SIGUSR2');
  }

  await host.end(id);

  const { body } = await host.response(id);
  assert.equal(body.toString(), `${total}`);
  assert.ok(largest < 2 * MiB, `the host was ${largest} bytes ahead`);
  assert.ok(residentBytes(host.process.pid) < 250 * MiB, `${residentBytes(host.process.pid)} bytes resident`);
});

test('an echo runs in both directions at once', async () => {
  const host = await serve(`export default async (req) => new Response(req.body)`);
  let requestCall;
  const opened = new Promise((resolve) => {
    host.onRequestBody = (call) => { requestCall = call; resolve(); };
  });
  const id = host.invoke({ method: 'POST', bodyKind: 'BODY_KIND_STREAMED' });
  await host.response(id);
  await within(opened, 'request body call');
  for (let count = 1; count <= 5; count++) {
    requestCall.write({ data: Buffer.from(`${count}`), last: count === 5 });
    await within((async () => { while ((host.responseBodies.get(id)?.chunks.length ?? 0) < count) await new Promise(setImmediate); })(), `echo ${count}`);
  }
  requestCall.end();

  assert.equal(Buffer.concat(await host.body(id)).toString(), '12345');
  assert.equal((await host.end(id)).outcome, 'OUTCOME_COMPLETED');
});

test('a request body that is still open when the invocation ends is reset', async () => {
  const host = await serve(`export default async (req) => { req.body.getReader().read(); await new Promise((resolve) => process.once('SIGUSR2', resolve)); return new Response('early'); }`);
  const cancelled = Promise.withResolvers();
  const opened = Promise.withResolvers();
  host.onRequestBody = (call) => { call.on('cancelled', cancelled.resolve); opened.resolve(); };
  const id = host.invoke({ method: 'POST', bodyKind: 'BODY_KIND_STREAMED' });
  await within(opened.promise, 'request body call');
  host.process.kill('SIGUSR2');

  await host.end(id);

  await within(cancelled.promise, 'cancellation');
});
