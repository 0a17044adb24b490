// What the real package does with its cache on a developer's machine.
import { purgeCache } from "@netlify/functions";

export default async () => {
  await purgeCache({ tags: ["a", "b"] });
  return new Response("purged");
};

export const config = { path: "/purge" };
