// The baseline. node:http in front of a web-standard handler, the way anybody would write it first: Node's own Request,
// Response and Headers, nothing lazy, nothing skipped.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { handlerFor } from './routes.mjs';

createServer(serve).listen(Number(process.argv[2]), '127.0.0.1');

async function serve(incoming, outgoing) {
  try {
    const response = await handlerFor(incoming.url)(requestOf(incoming));
    await send(response, outgoing);
  } catch (error) {
    outgoing.destroy(error);
  }
}

function requestOf(incoming) {
  const headers = new Headers();
  for (let i = 0; i < incoming.rawHeaders.length; i += 2) {
    headers.append(incoming.rawHeaders[i], incoming.rawHeaders[i + 1]);
  }

  const hasBody = incoming.method !== 'GET' && incoming.method !== 'HEAD';
  return new Request(`http://${incoming.headers.host}${incoming.url}`, {
    method: incoming.method,
    headers,
    body: hasBody ? Readable.toWeb(incoming) : null,
    duplex: 'half',
  });
}

async function send(response, outgoing) {
  outgoing.writeHead(response.status, [...response.headers].flat());
  if (response.body !== null) {
    for await (const chunk of response.body) {
      if (!outgoing.write(chunk)) {
        await once(outgoing, 'drain');
      }
    }
  }

  outgoing.end();
}
