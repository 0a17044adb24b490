// Works for ?ms of wall time on two threads and says how much CPU time that was.
import { Worker } from "node:worker_threads";

export default async (req) => {
  const ms = Number(new URL(req.url).searchParams.get("ms"));
  const before = process.cpuUsage();
  const started = performance.now();
  const threads = [1, 2].map(() => new Worker(`const end = Date.now() + ${ms}; while (Date.now() < end);`, { eval: true }));
  await Promise.all(threads.map((thread) => new Promise((resolve) => thread.once("exit", resolve))));
  const used = process.cpuUsage(before);
  return Response.json({ cpus: (used.user + used.system) / 1000 / (performance.now() - started) });
};

export const config = { path: "/spin" };
