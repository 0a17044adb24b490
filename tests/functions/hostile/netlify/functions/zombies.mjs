// Makes orphans that end, and counts what nobody has reaped.
import { spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { unlessCalm } from "../../calm.mjs";

const orphan = "require('node:child_process').spawn(process.execPath, ['-e', ''], { detached: true, stdio: 'ignore' }).unref()";
const states = () => readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map((id) => {
  try {
    return readFileSync(`/proc/${id}/stat`, "utf8").split(") ")[1][0];
  } catch {
    return "";
  }
});

export default unlessCalm(async (req, context, query) => {
  if (query.has("count")) return Response.json({ zombies: states().filter((state) => state === "Z").length, processes: states().length });
  await Promise.all([1, 2, 3, 4, 5].map(() => new Promise((resolve) => spawn(process.execPath, ["-e", orphan], { stdio: "ignore" }).once("exit", resolve))));
  return new Response("made");
});
