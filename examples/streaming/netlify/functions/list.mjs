// A list that grows while it is read: an item a second, six in all. Open /list in a browser.
export default async () => {
  const encoder = new TextEncoder();
  const formatter = new Intl.DateTimeFormat("en", { timeStyle: "medium" });
  let items = 0;
  const body = new ReadableStream({
    async start(controller) {
      controller.enqueue(encoder.encode("<!doctype html><html lang=en><title>Timestamps</title><ol>\n"));
      const timer = setInterval(() => {
        controller.enqueue(encoder.encode(`<li>Hello at ${formatter.format(new Date())}</li>\n`));
        if (++items === 6) {
          clearInterval(timer);
          controller.enqueue(encoder.encode("</ol></html>\n"));
          controller.close();
        }
      }, 1000);
    },
  });
  return new Response(body, { headers: { "content-type": "text/html; charset=utf-8" } });
};

export const config = { path: "/list" };
