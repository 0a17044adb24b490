// Says what it sees of the request.
export default async (req, context) => {
  const body = await req.text();
  return Response.json({
    url: req.url,
    method: req.method,
    headers: [...req.headers],
    body,
    context: {
      requestId: context.requestId,
      ip: context.ip,
      params: context.params,
      path: context.path,
      url: String(context.url),
      site: context.site,
      deploy: context.deploy,
      region: context.server.region,
    },
  });
};

export const config = { path: ["/inspect", "/inspect/:first/:second", "/rest/*"] };
