export default async () => new Response("plain");
