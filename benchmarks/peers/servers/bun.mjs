import { handlerFor } from './routes.mjs';

Bun.serve({
  port: Number(process.argv[2]),
  hostname: '127.0.0.1',
  maxRequestBodySize: 2 ** 30,
  fetch: (request) => handlerFor(request.url)(request),
});
