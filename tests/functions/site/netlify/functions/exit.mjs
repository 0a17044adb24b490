// ?wait answers when somebody else on the same worker has called ?exit=CODE, which ends the process from inside.
let waiting = 0;
let release;
const released = new Promise((resolve) => (release = resolve));

export default async (req) => {
  const query = new URL(req.url).searchParams;
  if (query.has("exit")) {
    release();
    process.exit(Number(query.get("exit")));
  }
  if (query.has("wait")) {
    waiting++;
    await released;
    return new Response("survived");
  }
  return Response.json({ waiting });
};

export const config = { path: "/exit" };
