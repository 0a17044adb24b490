// Answers after ?ms, or never for a blocked loop.
export default async (req) => {
  const query = new URL(req.url).searchParams;
  if (query.has("block")) for (;;);
  await new Promise((resolve) => setTimeout(resolve, Number(query.get("ms"))));
  return new Response("late");
};

export const config = { path: "/slow" };
