// Server-sent events: curl -N localhost:8888/events
export default async (req) => {
  const encoder = new TextEncoder();
  const body = new ReadableStream({
    start(controller) {
      let id = 0;
      const send = () => controller.enqueue(encoder.encode(`id: ${++id}\nevent: tick\ndata: ${JSON.stringify({ at: new Date().toISOString() })}\n\n`));
      send();
      const timer = setInterval(() => {
        send();
        if (id === 5) {
          clearInterval(timer);
          controller.close();
        }
      }, 1000);
      // Nobody listens any more: stop at once.
      req.signal.addEventListener("abort", () => clearInterval(timer));
    },
  });
  return new Response(body, {
    headers: { "content-type": "text/event-stream", "cache-control": "no-cache" },
  });
};

export const config = { path: "/events" };
