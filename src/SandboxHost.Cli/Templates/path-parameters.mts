// Answers at a path of its own, with a parameter: /__NAME__/42
import type { Config, Context } from "@netlify/functions";

export default async (req: Request, context: Context): Promise<Response> => {
  const { id } = context.params;
  return Response.json({ id, method: req.method });
};

export const config: Config = {
  path: "/__NAME__/:id",
  method: ["GET", "PUT", "DELETE"],
};
