// Parameters in a path: /pets/cats/felix
export default async (req, context) => {
  const { kind, name } = context.params;
  return Response.json({ kind, name, path: context.url.pathname });
};

export const config = {
  path: "/pets/:kind/:name",
};
