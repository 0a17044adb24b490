// Takes memory outside the JavaScript heap until something gives. Or gives up without having taken any.
export default async (req) => {
  const kept = [];
  if (new URL(req.url).searchParams.has("abort")) {
    process.abort();
  }

  for (;;) {
    kept.push(Buffer.alloc(8 << 20, 1));
    await new Promise(setImmediate);
  }
};

export const config = { path: "/memory" };
