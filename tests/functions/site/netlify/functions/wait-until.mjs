// Answers at once and goes on. /wait-until/state tells whether the rest has run.
let done = 0;
export default async (req, context) => {
  if (context.params.what === "state") return Response.json({ done });
  context.waitUntil(new Promise((resolve) => setTimeout(() => { done++; resolve(); }, 300)));
  return new Response("answered");
};

export const config = { path: "/wait-until/:what" };
