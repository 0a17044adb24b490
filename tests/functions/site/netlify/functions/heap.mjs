// Fills the JavaScript heap, with nothing outside of it.
export default async () => {
  const kept = [];
  for (;;) {
    kept.push(Array.from({ length: 100_000 }, () => ({ value: Math.random() })));
    await new Promise(setImmediate);
  }
};

export const config = { path: "/heap" };
