// /signal/wait never answers by itself; /signal/seen tells how the calls before it ended.
const seen = [];
export default async (req, context) => {
  if (context.params.what === "seen") return Response.json(seen);
  const started = Date.now();
  seen.push("started");
  await new Promise((resolve) => req.signal.addEventListener("abort", resolve));
  seen.push(req.signal.reason?.name ?? String(req.signal.reason));
  return new Response("too late");
};

export const config = { path: "/signal/:what" };
