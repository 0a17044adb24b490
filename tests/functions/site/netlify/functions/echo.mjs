// Sends every chunk back as it comes.
export default async (req) => new Response(req.body);

export const config = { path: "/echo", method: "POST" };
