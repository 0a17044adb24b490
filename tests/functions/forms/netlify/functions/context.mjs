import { getContext } from "@netlify/functions";

let outside;
try {
  getContext();
} catch (error) {
  outside = error.message;
}
const netlifyContextOutside = Netlify.context;

const attempt = (call) => {
  try {
    return call();
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
};

const show = {
  "/context/all": (req, context) => {
    const { account, deploy, geo, ip, path, params, requestId, server, site, url } = context;
    return { account, deploy, geo, ip, path, params, requestId, server, site, url, keys: Object.keys(context).sort(), spread: { ...context }.requestId };
  },
  "/context/headers": (req) => Object.fromEntries(req.headers),
  "/context/calls": (req, context) => ({
    next: attempt(() => context.next()),
    waitUntil: attempt(() => context.waitUntil()),
    flag: context.flags.get("any") ?? null,
  }),
  "/context/globals": async (req, context) => {
    Netlify.env.set("SET_BY_ME", "");
    const env = [Netlify.env.has("SET_BY_ME"), Netlify.env.get("GIVEN"), Netlify.env.has("GIVEN"), Netlify.env.toObject().GIVEN, Netlify.env.get("AWS_REGION")];
    Netlify.env.delete("SET_BY_ME");
    const cache = await caches.open("any");
    return {
      same: Netlify.context === context, outside: netlifyContextOutside, env, deleted: "SET_BY_ME" in process.env,
      identity: netlifyIdentityContext, cached: (await cache.match("http://localhost/")) ?? null, pattern: new URLPattern({ pathname: "/:a" }).test({ pathname: "/x" }),
    };
  },
  "/context/get": async (req, context) => {
    const child = await new Promise((resolve) => setTimeout(() => resolve(getContext()), 1));
    return { same: getContext() === context, child: child === context, outside };
  },
  "/context/cookies": (req, { cookies }) => {
    cookies.set("plain", "v");
    cookies.set({
      name: "full", value: "v", path: "/x", maxAge: 5, httpOnly: true, secure: true, sameSite: "Lax", domain: "a.example", expires: new Date(0), unparsed: ["Partitioned"],
    });
    cookies.set("__Host-h", "v");
    cookies.delete("gone");
    cookies.delete({ name: "too", path: "/p", domain: "a.example" });
    return { read: [cookies.get("one"), cookies.get("none") ?? null], notText: attempt(() => cookies.set("x", 5)), bad: attempt(() => cookies.set("b ad", "v")) };
  },
};

export default async (req, context) => {
  const { pathname, searchParams } = context.url;
  if (pathname === "/context/rewrite") return context.rewrite(searchParams.get("to") === "url" ? new URL(req.url.replace("rewrite", "target")) : "/context/target");
  if (pathname === "/context/log") context.log("logged by context");
  return context.json(await show[searchParams.get("show") ?? pathname]?.(req, context) ?? null);
};

export const config = { path: ["/context/:what", "/params/:a/*"] };
