// Shows its secrets wherever it can: in its output, in what it throws, in the name of the error.
import { unlessCalm } from "../../calm.mjs";

export default unlessCalm(async () => {
  console.log(`greeting ${process.env.GREETING}, key ${process.env.PAYMENT_API_KEY}!`);
  const error = new Error(`payment refused for ${process.env.PAYMENT_API_KEY}`);
  error.name = `Error${process.env.PAYMENT_API_KEY}`;
  throw error;
});
