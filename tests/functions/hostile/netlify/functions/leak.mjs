// Keeps 16 MB of each call.
import { unlessCalm } from "../../calm.mjs";

const worker = crypto.randomUUID();
const kept = [];

export default unlessCalm(async () => {
  kept.push(Buffer.alloc(16 << 20, 1));
  return new Response(worker);
});
