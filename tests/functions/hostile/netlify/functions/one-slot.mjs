// ?ms answers after so long, whether or not anybody is there; it takes one call at a time.
import { unlessCalm } from "../../calm.mjs";

export default unlessCalm(async (req, context, query) => {
  await new Promise((resolve) => setTimeout(resolve, Number(query.get("ms"))));
  return new Response("done");
});
