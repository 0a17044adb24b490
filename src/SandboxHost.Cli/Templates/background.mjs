// Answers 202 at once and goes on for up to 15 minutes: /.netlify/functions/__NAME__
export default async (req) => {
  const job = await req.json().catch(() => ({}));
  console.log("started", job);
  // The long work goes here.
  console.log("done");
};

export const config = {
  background: true,
};
