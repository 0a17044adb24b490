// Returns or throws what ?kind asks for.
const results = {
  undefined: () => undefined,
  null: () => null,
  object: () => ({ not: "a response" }),
  empty: () => new Response(null),
  teapot: () => new Response("short and stout", { status: 418 }),
  nocontent: () => new Response(null, { status: 204 }),
  notmodified: () => new Response(null, { status: 304, headers: { etag: '"v1"' } }),
  cookies: () => {
    const headers = new Headers();
    headers.append("set-cookie", "a=1; Path=/");
    headers.append("set-cookie", "b=2; Path=/");
    return new Response("cookies", { headers });
  },
  latin1: () => new Response("latin1", { headers: { "x-name": "caf\u00e9" } }),
  hopbyhop: () => new Response("hop", { headers: { connection: "close", "keep-alive": "timeout=1", "x-kept": "yes" } }),
  throwError: () => { throw new TypeError("it broke"); },
  throwUndefined: () => { throw undefined; },
  throwNull: () => { throw null; },
  throwString: () => { throw "a string"; },
  throwFrozen: () => { throw Object.freeze({ frozen: true }); },
  throwProxy: () => { throw new Proxy({}, { get() { throw new Error("no"); } }); },
  reject: () => Promise.reject(new RangeError("rejected")),
  large: () => new Response(new Uint8Array(1_000_000).fill(120)),
};

export default async (req) => results[new URL(req.url).searchParams.get("kind")]();

export const config = { path: "/results" };
