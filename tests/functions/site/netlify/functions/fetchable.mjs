export default {
  async fetch(req) {
    return Response.json({ unbound: this === undefined, method: req.method });
  },
  config: { path: "/fetchable" },
};
