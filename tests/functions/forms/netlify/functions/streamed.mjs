import { Readable } from "node:stream";
import { stream } from "@netlify/functions";

let release;

// ?release lets the other call go on after its first chunk.
export const handler = stream(async (event) => {
  if ("release" in event.queryStringParameters) {
    release();
    return { statusCode: 200, body: "released" };
  }
  const released = new Promise((resolve) => { release = resolve; });
  async function* words() {
    yield "first ";
    await released;
    yield "x".repeat(200_000);
  }
  return { statusCode: 206, headers: { "content-type": "text/plain", "x-kind": "streamed" }, body: Readable.from(words()) };
});
