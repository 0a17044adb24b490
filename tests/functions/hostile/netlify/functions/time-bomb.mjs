// Works three times, then leaves something behind that blocks the process after the answer.
import { unlessCalm } from "../../calm.mjs";

let calls = 0;
export default unlessCalm(async () => {
  if (++calls === 3) setTimeout(() => { for (;;); }, 1);
  return new Response(`${calls}`);
});
