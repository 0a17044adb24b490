// A module with a fetch function, as other platforms have them: /__NAME__
export default {
  async fetch(req) {
    return Response.json({ method: req.method, body: await req.text() });
  },
  config: {
    path: "/__NAME__",
  },
};
