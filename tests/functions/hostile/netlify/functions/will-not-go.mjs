// Ignores every signal that can be ignored, and blocks when it is asked to leave.
import { unlessCalm } from "../../calm.mjs";

export default unlessCalm(async () => {
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, () => {});
  process.on("exit", () => { for (;;); });
  return new Response("here to stay");
});
