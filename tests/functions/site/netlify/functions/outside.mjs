// Fetches ?url through the egress door.
export default async (req) => {
  const url = new URL(req.url).searchParams.get("url");
  try {
    const answer = await fetch(url);
    return new Response(await answer.text(), { status: answer.status });
  } catch (error) {
    return new Response(`${error.message}: ${error.cause?.message}`, { status: 500 });
  }
};

export const config = { path: "/outside" };
