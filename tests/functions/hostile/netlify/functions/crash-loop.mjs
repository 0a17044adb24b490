// Dies at every call, a moment after it has begun.
import { unlessCalm } from "../../calm.mjs";

export default unlessCalm(() => new Promise(() => setTimeout(() => process.kill(process.pid, "SIGKILL"), 20)));
