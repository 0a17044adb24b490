// Cookies, read, set and deleted: /visits, /visits?forget
export default async (req, context) => {
  if (context.url.searchParams.has("forget")) {
    context.cookies.delete("visits");
    return new Response("Forgotten.");
  }
  const visits = Number(context.cookies.get("visits") ?? 0) + 1;
  context.cookies.set({ name: "visits", value: String(visits), path: "/", httpOnly: true, sameSite: "Lax" });
  return new Response(`Visit ${visits}`);
};

export const config = { path: "/visits" };
