// Types for the request's context and the function's own settings: /travel-guide/Lisbon
import type { Config, Context } from "@netlify/functions";

interface Guide {
  city: string;
  site: string | undefined;
}

export default async (req: Request, context: Context) => {
  const { city } = context.params;
  const guide: Guide = { city: city ?? "nowhere", site: context.site.name };
  return Response.json(guide);
};

export const config: Config = {
  path: "/travel-guide/:city",
  method: "GET",
};
