// Reads the body chunk by chunk and answers with its size.
export default async (request) => {
  let bytes = 0;
  for await (const chunk of request.body) {
    bytes += chunk.byteLength;
  }
  return new Response(String(bytes));
};
