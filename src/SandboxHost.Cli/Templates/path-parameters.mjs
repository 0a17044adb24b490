// Answers at a path of its own, with a parameter: /__NAME__/42
export default async (req, context) => {
  const { id } = context.params;
  return Response.json({ id, method: req.method });
};

export const config = {
  path: "/__NAME__/:id",
  method: ["GET", "PUT", "DELETE"],
};
