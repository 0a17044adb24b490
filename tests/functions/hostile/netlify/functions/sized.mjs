// ?bytes of a body, streamed.
import { unlessCalm } from "../../calm.mjs";

export default unlessCalm(async (req, context, query) => {
  let left = Number(query.get("bytes"));
  return new Response(new ReadableStream({
    pull(controller) {
      if (left === 0) return controller.close();
      const size = Math.min(left, 64 * 1024);
      left -= size;
      controller.enqueue(new Uint8Array(size));
    },
  }));
});
