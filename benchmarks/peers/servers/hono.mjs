import { serve } from '@hono/node-server';
import { handlerFor } from './routes.mjs';

serve({
  fetch: (request, { incoming }) => handlerFor(incoming.url)(request),
  port: Number(process.argv[2]),
  hostname: '127.0.0.1',
});
