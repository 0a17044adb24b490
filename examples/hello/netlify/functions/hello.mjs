// The smallest function: answers at /.netlify/functions/hello.
export default async () => new Response("Hello, world!");
