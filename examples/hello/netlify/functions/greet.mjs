// Answers at a path of its own, with a parameter: /greet/Ada
export default async (req, context) => {
  const { name } = context.params;
  const greeting = Netlify.env.get("GREETING") ?? "Hello";
  return Response.json({
    message: `${greeting}, ${decodeURIComponent(name)}!`,
    requestId: context.requestId,
    ip: context.ip,
  });
};

export const config = { path: "/greet/:name", method: "GET" };
