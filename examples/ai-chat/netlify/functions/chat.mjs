// Passes on what a language model says, word by word: the body of the answer is the body of the upstream's answer.
export default async (req) => {
  const { prompt } = await req.json();
  const upstream = await fetch(`${Netlify.env.get("MODEL_URL")}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${Netlify.env.get("MODEL_KEY")}` },
    body: JSON.stringify({ stream: true, messages: [{ role: "user", content: prompt }] }),
    signal: req.signal,
  });
  if (!upstream.ok) {
    return Response.json({ error: `The model answered ${upstream.status}` }, { status: 502 });
  }
  return new Response(upstream.body, {
    headers: { "content-type": "text/event-stream", "cache-control": "no-cache" },
  });
};

export const config = { path: "/chat", method: "POST" };
