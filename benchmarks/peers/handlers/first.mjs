// One chunk at once, the other 25 ms later: who holds the first back until the end is found out.
const encoder = new TextEncoder();

export default () => new Response(new ReadableStream({
  start(controller) {
    controller.enqueue(encoder.encode('first'));
    setTimeout(() => {
      controller.enqueue(encoder.encode('last'));
      controller.close();
    }, 25);
  },
}));
