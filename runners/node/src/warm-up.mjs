// Drives dummy requests through the whole path, so that the first real one finds code loaded and compiled.

import { randomUUID } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Deployment } from './deployment.mjs';
import { findHandler } from './function-loader.mjs';
import { HeadroomBytes } from './grpc.mjs';
import { Invocation } from './invocation.mjs';
import { BodyKind, Invoke, WorkerFrameWriter } from './messages.mjs';
import { ProtoReader, ProtoWriter } from './protobuf.mjs';
import { enableSourceMaps } from './source-maps.mjs';

const Rounds = 60;

// What functions commonly do, as a function would write it: it is loaded from a file, as theirs will be.
const Source = `
export default async (request, context) => {
  const { pathname, searchParams } = context.url;
  const name = request.headers.get('x-name') ?? searchParams.get('name');
  switch (pathname) {
    case '/warm/json': return Response.json({ name, body: await request.json(), id: context.requestId, params: context.params });
    case '/warm/echo': return new Response(request.body, { status: 200, headers: { 'x-name': String(name) } });
    case '/warm/read': {
      let bytes = 0;
      for await (const chunk of request.body) bytes += chunk.length;
      context.waitUntil(Promise.resolve());
      return new Response(new ReadableStream({ start(controller) { controller.enqueue(new Uint8Array(bytes)); controller.close(); } }));
    }
    default: return new Response('warm ' + name, { headers: { 'content-type': 'text/plain', 'cache-control': 'no-store' } });
  }
};
`;

/** Everything that frames are written to in a warm-up: they are encoded, and go nowhere. */
class Nowhere {
  #writer = new WorkerFrameWriter();

  response(...args) { this.#encode((writer) => writer.response(...args)); }
  ended(...args) { this.#encode((writer) => writer.ended(...args)); }
  log(...args) { this.#encode((writer) => writer.log(...args, 0)); }
  accepted(...args) { this.#encode((writer) => writer.accepted(...args)); }

  openResponseBody() {
    return {
      isClosed: false,
      closed: Promise.resolve(true),
      cut: () => {},
      sendWhole: async () => {},
      async sendStream(reader) {
        while (!(await reader.read()).done);
      },
    };
  }

  #encode(write) {
    this.#writer.position += HeadroomBytes;
    write(this.#writer);
    this.#writer.take();
  }
}

/** Resolves when the path is warm. What went wrong is not worth a worker: the first real request will tell. */
export async function warmUp(codeCache) {
  const file = join(tmpdir(), `${randomUUID()}.mjs`);
  try {
    enableSourceMaps();
    writeFileSync(file, Source);
    const handler = findHandler(await import(file), file);
    const link = new Nowhere();
    const deployment = new Deployment({ functionName: 'warm', routes: ['/warm/:what'], site: {}, deploy: {}, accountId: '', region: '' });
    for (let round = 1; round <= Rounds; round++) {
      const path = round <= 4 ? ['json', 'echo', 'read', 'text'][round - 1] : round % 8 === 0 ? 'json' : 'text';
      await run({ link, deployment, handler }, round, path);
    }
    // Behind the module above, which nobody needs compiled.
    codeCache.open();
  } catch {
    // A file system that cannot be written to, most likely.
  } finally {
    rmSync(file, { force: true });
  }
}

function run(host, id, path) {
  return new Promise((resolve) => {
    const invocation = new Invocation({ ...host, onEnded: resolve }, new Invoke(invokeBytes(id, path)));
    host.link.accepted([id]);
    invocation.start();
  });
}

function invokeBytes(id, path) {
  const writer = new ProtoWriter();
  writer.uint32(1, id);
  writer.string(2, 'warm-up');
  writer.string(3, path === 'text' ? 'GET' : 'POST');
  writer.string(4, `http://localhost/warm/${path}?name=a`);
  for (const text of ['host', 'localhost', 'x-name', 'warm', 'accept', '*/*', 'content-type', 'application/json']) writer.string(5, text);
  writer.uint32(8, path === 'text' ? BodyKind.NONE : BodyKind.COMPLETE);
  writer.bytes(9, new TextEncoder().encode('{"warm":true}'));
  const bytes = writer.take();
  return new ProtoReader(bytes, 0, bytes.length);
}
