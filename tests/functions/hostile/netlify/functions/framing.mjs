// Answers with heads that HTTP does not allow, or that say something else than the body is.
import { unlessCalm } from "../../calm.mjs";

const answers = {
  long: () => new Response("x", { headers: { "x-long": "x".repeat(1 << 20) } }),
  many: () => new Response("x", { headers: Array.from({ length: 10_000 }, (_, i) => [`x-${i}`, "x"]) }),
  hop: () => new Response("body", { headers: { "transfer-encoding": "chunked", connection: "x-secret, close", upgrade: "h2c", trailer: "x-t", "keep-alive": "x" } }),
  short: () => new Response(pieces(5), { headers: { "content-length": "10" } }),
  over: () => new Response(pieces(15), { headers: { "content-length": "10" } }),
  status: () => ({ status: 99_999, headers: [["x", "a\r\nb: c"]], body: null }),
};

const pieces = (count) => new ReadableStream({
  start(controller) {
    for (let i = 0; i < count; i++) controller.enqueue(new TextEncoder().encode("y"));
    controller.close();
  },
});

export default unlessCalm(async (req, context, query) => answers[query.get("how")]());
