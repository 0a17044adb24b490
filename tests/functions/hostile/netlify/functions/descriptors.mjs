// Opens files until it may not, and keeps them open.
import { openSync } from "node:fs";
import { unlessCalm } from "../../calm.mjs";

export default unlessCalm(async () => {
  for (let opened = 0; ; opened++) {
    try {
      openSync("/dev/null");
    } catch (error) {
      return Response.json({ opened, code: error.code });
    }
  }
});
