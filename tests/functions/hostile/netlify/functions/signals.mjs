// Sends signals to what is not its own.
import { readdirSync } from "node:fs";
import { unlessCalm } from "../../calm.mjs";

const attempt = (pid, signal) => {
  try {
    process.kill(pid, signal);
    return "sent";
  } catch (error) {
    return error.code;
  }
};

export default unlessCalm(async (req, context, query) => {
  if (query.has("stop")) {
    process.kill(process.pid, "SIGSTOP");
    return new Response("went on");
  }
  if (query.has("parent")) {
    const sent = ["SIGTERM", "SIGSTOP", "SIGKILL"].map((signal) => attempt(process.ppid, signal));
    return Response.json({ parent: process.ppid, sent });
  }
  const host = Number(query.get("host"));
  return Response.json({ host: attempt(host, "SIGKILL"), all: attempt(-1, "SIGTERM"), seen: readdirSync("/proc").filter((name) => /^\d+$/.test(name)).length });
});
