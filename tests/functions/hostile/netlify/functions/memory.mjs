// Takes memory until something gives: outside the JavaScript heap (?buffers), or inside it.
import { unlessCalm } from "../../calm.mjs";

export default unlessCalm(async (req, context, query) => {
  const kept = [];
  for (;;) {
    kept.push(query.has("buffers") ? Buffer.alloc(8 << 20, 1) : new Array(1_000_000).fill(Math.random()));
    await new Promise(setImmediate);
  }
});
