// Answers bit by bit, as server-sent events: /.netlify/functions/__NAME__
const encoder = new TextEncoder();

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export default async () => {
  let count = 0;
  const body = new ReadableStream({
    async pull(controller) {
      controller.enqueue(encoder.encode(`data: ${++count}\n\n`));
      if (count === 5) {
        controller.close();
        return;
      }
      await pause(200);
    },
  });
  return new Response(body, {
    headers: { "content-type": "text/event-stream", "cache-control": "no-cache" },
  });
};
