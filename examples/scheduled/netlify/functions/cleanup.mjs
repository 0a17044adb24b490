// Runs every hour where it is published. On your machine a request plays a tick: /.netlify/functions/cleanup
export default async (req) => {
  const { next_run } = await req.json();
  console.log(`cleaning up; the next run is at ${next_run}`);
};

export const config = { schedule: "@hourly" };
