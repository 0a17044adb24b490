import { handlerFor } from './servers/routes.mjs';

export default {
  fetch: (request) => handlerFor(request.url)(request),
};
