// Twice a minute for each client, and 429 after that: /limited
export default async () => new Response("One of two.");

export const config = {
  path: "/limited",
  rateLimit: {
    windowLimit: 2,
    windowSize: 60,
    aggregateBy: ["ip", "domain"],
  },
};
