// Answers each client five times a minute and with 429 after that: /__NAME__
import type { Config } from "@netlify/functions";

export default async (): Promise<Response> => Response.json({ ok: true });

export const config: Config = {
  path: "/__NAME__",
  rateLimit: {
    windowSize: 60,
    windowLimit: 5,
    aggregateBy: ["ip", "domain"],
  },
};
