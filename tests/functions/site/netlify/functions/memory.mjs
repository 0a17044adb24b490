// Takes memory until something gives: outside the JavaScript heap, or inside it. Or gives up without having taken any.
export default async (req) => {
  const kept = [];
  const query = new URL(req.url).searchParams;
  const outside = query.has("buffers");
  if (query.has("abort")) {
    process.abort();
  }

  for (;;) {
    kept.push(outside ? Buffer.alloc(8 << 20, 1) : Array.from({ length: 100_000 }, () => ({ value: Math.random() })));
    await new Promise(setImmediate);
  }
};

export const config = { path: "/memory" };
