// ?bytes=N buffered, &stream streams it.
export default async (req) => {
  const query = new URL(req.url).searchParams;
  let left = Number(query.get("bytes"));
  if (!query.has("stream")) return new Response(new Uint8Array(left));
  return new Response(new ReadableStream({
    pull(controller) {
      if (left === 0) return controller.close();
      const size = Math.min(left, 50_000);
      left -= size;
      controller.enqueue(new Uint8Array(size));
    },
  }));
};

export const config = { path: "/sized" };
