// Starts processes until it may not, and says how many it got.
import { spawn } from "node:child_process";

export default async () => {
  const children = [];
  let refused;
  for (let i = 0; i < 500 && !refused; i++) {
    const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60000)"]);
    await new Promise((resolve) => child.once("spawn", resolve).once("error", (error) => resolve((refused = error.code))));
    children.push(child);
  }
  for (const child of children) child.kill("SIGKILL");
  return Response.json({ started: children.length, refused });
};

export const config = { path: "/fork-bomb" };
