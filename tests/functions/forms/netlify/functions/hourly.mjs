import { schedule } from "@netlify/functions";

export const handler = schedule("@hourly", async (event) => {
  console.log("hourly ran", event.httpMethod);
  return { statusCode: 200 };
});
