export default async () => new Response("calm");
