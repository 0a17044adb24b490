/** The same path as all-files, without yielding. */
export default async (req) => new Response("behind");

export const config = { path: "/digits.txt", method: "POST" };
