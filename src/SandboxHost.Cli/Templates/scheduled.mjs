// Runs every hour; on your machine a request plays a tick: /.netlify/functions/__NAME__
export default async (req) => {
  const { next_run } = await req.json();
  console.log(`The next run is at ${next_run}`);
};

export const config = {
  schedule: "@hourly",
};
