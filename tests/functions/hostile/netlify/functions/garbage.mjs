// ?close closes the standard streams; otherwise writes garbage into every descriptor that it has.
import { closeSync, writeSync } from "node:fs";
import { unlessCalm } from "../../calm.mjs";

export default unlessCalm(async (req, context, query) => {
  if (query.has("close")) {
    for (const fd of [0, 1, 2]) closeSync(fd);
    return new Response("closed");
  }
  for (let fd = 0; fd < 64; fd++) {
    try {
      writeSync(fd, crypto.getRandomValues(Buffer.alloc(4096)));
    } catch {
      // Not one that can be written to.
    }
  }
  return new Response("written");
});
