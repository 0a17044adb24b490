// A file of a terabyte with nothing in it.
import { truncateSync, writeFileSync } from "node:fs";
import { unlessCalm } from "../../calm.mjs";

export default unlessCalm(async () => {
  writeFileSync("/tmp/sparse", "");
  truncateSync("/tmp/sparse", 1e12);
  return new Response("a terabyte");
});
