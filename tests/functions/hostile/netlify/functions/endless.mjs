// A body without end: as fast as it is read, or ?trickle a byte now and then.
import { unlessCalm } from "../../calm.mjs";

const chunk = new Uint8Array(64 * 1024).fill(46);

export default unlessCalm(async (req, context, query) => new Response(new ReadableStream({
  pull(controller) {
    if (!query.has("trickle")) return controller.enqueue(chunk);
    return new Promise((resolve) => setTimeout(() => resolve(controller.enqueue(chunk.subarray(0, 1))), 400));
  },
})));
