// A body without end, as fast as it is read.
export default async () => {
  const chunk = new Uint8Array(64 * 1024).fill(46);
  return new Response(new ReadableStream({ pull: (controller) => controller.enqueue(chunk) }));
};

export const config = { path: "/endless" };
