/** What it was asked, and how. */
export default async (req, context) =>
  Response.json({ function: "show", url: req.url, method: req.method, path: context.path, body: await req.text() });
