// Fills a directory with ?tiny files or one large one, until there is no more room.
import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { unlessCalm } from "../../calm.mjs";

export default unlessCalm(async (req, context, query) => {
  const directory = query.get("in");
  const block = Buffer.alloc(1 << 20, 1);
  let written = 0;
  try {
    if (query.has("tiny")) for (; ; written++) closeSync(openSync(`${directory}/${written}`, "w"));
    const file = openSync(`${directory}/fill`, "w");
    for (; ; written++) writeSync(file, block);
  } catch (error) {
    return Response.json({ written, code: error.code });
  }
});
