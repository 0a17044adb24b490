// Ends its process in the way that ?how says.
import { unlessCalm } from "../../calm.mjs";

const later = (action) => new Promise(() => setTimeout(action, 10));
const ways = {
  exit0: () => process.exit(0),
  exit200: () => process.exit(200),
  abort: () => process.abort(),
  kill: () => process.kill(process.pid, "SIGKILL"),
  timer: () => later(() => { throw new Error("in a timer"); }),
  rejection: () => later(() => void Promise.reject(new Error("of nobody"))),
  reallyExit: () => process.reallyExit(7),
  after: () => {
    setTimeout(() => { throw new Error("after the answer"); }, 10);
    return new Response("answered");
  },
};

export default unlessCalm((req, context, query) => ways[query.get("how")]());
