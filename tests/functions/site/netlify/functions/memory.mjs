// Takes memory until something gives: outside the JavaScript heap, or inside it.
export default async (req) => {
  const kept = [];
  const outside = new URL(req.url).searchParams.has("buffers");
  for (;;) {
    kept.push(outside ? Buffer.alloc(8 << 20, 1) : Array.from({ length: 100_000 }, () => ({ value: Math.random() })));
    await new Promise(setImmediate);
  }
};

export const config = { path: "/memory" };
