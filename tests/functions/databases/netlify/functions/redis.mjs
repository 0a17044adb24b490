// The npm packages redis and ioredis, unmodified: the one writes, the other reads, and a subscriber hears of it.
import Redis from "ioredis";
import { createClient } from "redis";

export default async () => {
  const writer = await createClient({ url: process.env.REDIS_URL }).connect();
  const subscriber = writer.duplicate();
  await subscriber.connect();
  const reader = new Redis(process.env.REDIS_URL);
  try {
    const heard = new Promise((resolve) => subscriber.subscribe("news", resolve));
    await writer.set("greeting", "hello");
    await writer.publish("news", "it is there");
    return Response.json({ read: await reader.get("greeting"), heard: await heard });
  } finally {
    reader.disconnect();
    subscriber.destroy();
    writer.destroy();
  }
};

export const config = { path: "/redis" };
