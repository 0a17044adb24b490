// Answers 202 at once and goes on for up to 15 minutes: /.netlify/functions/__NAME__
import type { Config } from "@netlify/functions";

export default async (req: Request): Promise<void> => {
  const job: unknown = await req.json().catch(() => ({}));
  console.log("started", job);
  // The long work goes here.
  console.log("done");
};

export const config: Config = {
  background: true,
};
