export default async () => new Response("ignored");

export const config = { path: "/ignore-body" };
