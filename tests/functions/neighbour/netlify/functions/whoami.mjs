export default async (req, context) => Response.json({ site: context.site.name, secret: process.env.SECRET ?? null });
