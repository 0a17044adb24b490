// A module with a fetch function, as other platforms have them: /__NAME__
import type { Config } from "@netlify/functions";

export default {
  async fetch(req: Request): Promise<Response> {
    return Response.json({ method: req.method, body: await req.text() });
  },
  config: {
    path: "/__NAME__",
  } satisfies Config,
};
