// Reads a body a little at a time and says how much it was.
export default async (req) => {
  const pause = Number(new URL(req.url).searchParams.get("pause") ?? 0);
  let bytes = 0;
  for await (const chunk of req.body) {
    bytes += chunk.byteLength;
    if (pause) await new Promise((resolve) => setTimeout(resolve, pause));
  }
  return Response.json({ bytes });
};

export const config = { path: "/read-slowly", method: "POST" };
