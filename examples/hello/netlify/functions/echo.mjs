// The { fetch } form of a module. Sends back what it gets, while it still gets it: /echo
export default {
  async fetch(req) {
    return new Response(req.body, {
      headers: { "content-type": req.headers.get("content-type") ?? "application/octet-stream" },
    });
  },
  config: { path: "/echo", method: ["POST", "PUT"] },
};
