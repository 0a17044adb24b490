// Runs in the background because of its name: POST /.netlify/functions/digest-background
import { setTimeout as pause } from "node:timers/promises";

export default async (req) => {
  const { recipients } = await req.json();
  for (const recipient of recipients) {
    await pause(50);
    console.log(`digest sent to ${recipient}`);
  }
};
