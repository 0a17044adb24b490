// The same four handlers for every peer, by the last segment of the path. SandboxHost and Netlify's CLI get copies of
// the handler files as functions of a site, so that everybody is asked for the same URL.

import first from '../handlers/first.mjs';
import hello from '../handlers/hello.mjs';
import stream from '../handlers/stream.mjs';
import upload from '../handlers/upload.mjs';

const handlers = new Map(Object.entries({ first, hello, stream, upload }));

/** `url`: a whole URL or just its path and query. */
export function handlerFor(url) {
  const query = url.indexOf('?');
  const end = query < 0 ? url.length : query;
  return handlers.get(url.slice(url.lastIndexOf('/', end - 1) + 1, end)) ?? notFound;
}

function notFound() {
  return new Response(null, { status: 404 });
}
