export default async (req) => new Response(`got ${req.method}`);

export const config = { path: "/methods", method: ["get", "DELETE"], excludedPath: "/methods/not" };
