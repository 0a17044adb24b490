import { handlerFor } from './routes.mjs';

Deno.serve(
  { port: Number(Deno.args[0]), hostname: '127.0.0.1', onListen() {} },
  (request) => handlerFor(request.url)(request),
);
