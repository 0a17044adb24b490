// Runs every hour; on your machine a request plays a tick: /.netlify/functions/__NAME__
import type { Config } from "@netlify/functions";

interface Tick {
  next_run: string;
}

export default async (req: Request): Promise<void> => {
  const { next_run } = (await req.json()) as Tick;
  console.log(`The next run is at ${next_run}`);
};

export const config: Config = {
  schedule: "@hourly",
};
