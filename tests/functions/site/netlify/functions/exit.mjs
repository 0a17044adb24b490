// ?exit ends the process from inside; without it a slow answer, for who runs beside it.
let calls = 0;
export default async (req) => {
  const query = new URL(req.url).searchParams;
  calls++;
  if (query.has("exit")) process.exit(Number(query.get("exit")));
  const gate = query.get("after");
  if (gate) while (calls < Number(gate)) await new Promise((resolve) => setTimeout(resolve, 5));
  return new Response(`calls ${calls}`);
};

export const config = { path: "/exit" };
