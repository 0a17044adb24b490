// Answers with JSON: /.netlify/functions/__NAME__
import type { Context } from "@netlify/functions";

export default async (req: Request, context: Context): Promise<Response> => {
  const name = new URL(req.url).searchParams.get("name") ?? "world";
  return Response.json({ message: `Hello, ${name}!`, requestId: context.requestId });
};
