// Fills the JavaScript heap, with nothing outside of it.
export default async () => {
  const kept = [];
  for (;;) {
    kept.push(new Array(1_000_000).fill(Math.random()));
    await new Promise(setImmediate);
  }
};

export const config = { path: "/heap" };
