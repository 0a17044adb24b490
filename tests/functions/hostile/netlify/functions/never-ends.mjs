// Waits for nothing; ?ms waits that long and answers.
import { unlessCalm } from "../../calm.mjs";

export default unlessCalm(async (req, context, query) => {
  await new Promise((resolve) => query.has("ms") && setTimeout(resolve, Number(query.get("ms"))));
  return new Response("late");
});
