// Where the client is, as JSON: /where
export default async (req, context) =>
  Response.json({
    city: context.geo.city,
    country: context.geo.country,
    subdivision: context.geo.subdivision,
    timezone: context.geo.timezone,
    ip: context.ip,
  });

export const config = { path: "/where" };
