// A body that is written while it is sent: /countdown
import { setTimeout as pause } from "node:timers/promises";

export default async () => {
  const encoder = new TextEncoder();
  const body = new ReadableStream({
    async start(controller) {
      for (let seconds = 3; seconds > 0; seconds--) {
        controller.enqueue(encoder.encode(`${seconds}\n`));
        await pause(100);
      }
      controller.enqueue(encoder.encode("Go!\n"));
      controller.close();
    },
  });
  return new Response(body, { headers: { "content-type": "text/plain" } });
};

export const config = { path: "/countdown" };
