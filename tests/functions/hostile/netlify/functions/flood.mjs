// Prints ?mb megabytes: lines, one line without an end, bytes that are no text, or through the console.
import { writeSync } from "node:fs";
import { unlessCalm } from "../../calm.mjs";

const blocks = {
  lines: Buffer.from("a line that means nothing to anybody at all\n".repeat(1500)),
  line: Buffer.alloc(64 << 10, 46),
  binary: crypto.getRandomValues(Buffer.alloc(64 << 10)),
  escapes: Buffer.from("\u001b[2J\u001b]0;owned\u0007\u001b[31m\n".repeat(2000)),
};

export default unlessCalm(async (req, context, query) => {
  const kind = query.get("kind");
  for (let left = Number(query.get("mb")) << 20; left > 0; left -= 64 << 10) {
    if (kind === "console") console.log("x".repeat(64 << 10));
    else write(blocks[kind]);
  }
  return new Response("printed");
});

// The pipe may be full for a moment; whoever reads it must not be waited for without end.
function write(bytes) {
  for (let written = 0; written < bytes.length; ) {
    try {
      written += writeSync(1, bytes, written);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}
