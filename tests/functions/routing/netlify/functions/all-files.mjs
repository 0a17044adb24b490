/** Covers every text file, and lets those go first that are there. */
export default async (req) => new Response(`function for ${new URL(req.url).pathname}`);

export const config = { path: ["/shadow.txt", "/missing.txt"], preferStatic: true };
