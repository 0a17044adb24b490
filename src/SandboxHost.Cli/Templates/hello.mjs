// Answers with JSON: /.netlify/functions/__NAME__
export default async (req, context) => {
  const name = new URL(req.url).searchParams.get("name") ?? "world";
  return Response.json({ message: `Hello, ${name}!`, requestId: context.requestId });
};
