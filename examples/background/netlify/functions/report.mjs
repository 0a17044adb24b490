// Answers 202 at once and goes on: curl -X POST localhost:8888/report
import { setTimeout as pause } from "node:timers/promises";

export default async (req) => {
  const { rows = 3 } = await req.json().catch(() => ({}));
  for (let row = 1; row <= rows; row++) {
    await pause(1000);
    console.log(`row ${row} of ${rows}`);
  }
  console.log("report done");
};

export const config = { path: "/report", method: "POST", background: true };
