// A large body in chunks of 64 KiB, made while it is read: ?mb=64
const ChunkBytes = 64 * 1024;
const ChunksPerMegabyte = 16;

export default (request) => {
  const url = request.url;
  let left = Number(url.slice(url.indexOf('mb=') + 3)) * ChunksPerMegabyte;
  const chunk = new Uint8Array(ChunkBytes).fill(120);
  return new Response(new ReadableStream({
    pull(controller) {
      if (left-- > 0) {
        controller.enqueue(chunk);
      } else {
        controller.close();
      }
    },
  }));
};
