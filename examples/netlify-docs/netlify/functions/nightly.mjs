// Runs each night at three (UTC); on your machine a request plays a tick: /.netlify/functions/nightly
export default async (req) => {
  const { next_run } = await req.json();
  console.log("Received event! Next invocation at:", next_run);
};

export const config = {
  schedule: "0 3 * * *",
};
