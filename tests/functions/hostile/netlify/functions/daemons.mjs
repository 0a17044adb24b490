// Leaves processes behind that have left their parents, their session and their process group.
import { spawn } from "node:child_process";
import { unlessCalm } from "../../calm.mjs";

const stay = "setInterval(() => {}, 1000)";
const leave = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(stay)}], { detached: true, stdio: 'ignore' }).unref()`;

export default unlessCalm(async () => {
  const child = spawn(process.execPath, ["-e", leave], { detached: true, stdio: "ignore" });
  await new Promise((resolve) => child.once("exit", resolve));
  return new Response("left");
});
