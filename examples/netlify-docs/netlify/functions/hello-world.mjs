// The first function of the documentation: /.netlify/functions/hello-world
export default async (req, context) => {
  return new Response("Hello, world!");
};
