// Blocks its event loop without end, in the way that ?how says.
import { unlessCalm } from "../../calm.mjs";

const ways = {
  loop: () => { for (;;); },
  regex: () => /^(a+)+$/.test("a".repeat(60) + "b"),
  wait: () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
  json: () => { for (const text = JSON.stringify(Array(1e6).fill("x")); ; ) JSON.parse(text); },
};

export default unlessCalm(async (req, context, query) => {
  ways[query.get("how")]();
  return new Response("not blocked");
});
