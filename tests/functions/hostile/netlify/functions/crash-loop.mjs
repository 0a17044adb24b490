// Dies at every call.
import { unlessCalm } from "../../calm.mjs";

export default unlessCalm(() => process.kill(process.pid, "SIGKILL"));
