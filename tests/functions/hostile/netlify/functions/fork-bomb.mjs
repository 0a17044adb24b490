// Starts processes that start processes, and goes on when it is refused.
import { spawn } from "node:child_process";
import { unlessCalm } from "../../calm.mjs";

const bomb = "const { spawn } = require('node:child_process'); const again = () => { spawn(process.execPath, ['-e', process.env.BOMB], { stdio: 'ignore' }).on('error', () => {}); setTimeout(again, 50); }; again();";

export default unlessCalm(async () => {
  let told = false;
  for (;;) {
    const child = spawn(process.execPath, ["-e", bomb], { stdio: "ignore", env: { BOMB: bomb } });
    child.on("error", (error) => {
      if (!told) console.log(`refused with ${error.code}`);
      told = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
});
