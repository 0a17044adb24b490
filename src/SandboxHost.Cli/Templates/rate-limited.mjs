// Answers each client five times a minute and with 429 after that: /__NAME__
export default async () => Response.json({ ok: true });

export const config = {
  path: "/__NAME__",
  rateLimit: {
    windowSize: 60,
    windowLimit: 5,
    aggregateBy: ["ip", "domain"],
  },
};
