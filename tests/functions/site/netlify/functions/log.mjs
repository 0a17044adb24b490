export default async (req) => {
  const text = new URL(req.url).searchParams.get("text");
  console.log("said", text);
  console.error("complained about %s", text);
  process.stdout.write("escape \u001b[31mred\n");
  return new Response("logged");
};

export const config = { path: "/log" };
