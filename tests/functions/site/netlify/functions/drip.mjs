// A chunk now and then, without end; in time for no limit.
export default async () => {
  const encoder = new TextEncoder();
  let timer;
  return new Response(new ReadableStream({
    start(controller) {
      controller.enqueue(encoder.encode("first "));
      timer = setInterval(() => controller.enqueue(encoder.encode("drip ")), 50);
    },
    cancel: () => clearInterval(timer),
  }));
};

export const config = { path: "/drip" };
