import { withLambda } from "@netlify/aws-lambda-compat";

// Gives what ?kind asks for, else says what it was called with.
const answers = {
  headers: () => ({ statusCode: 201, headers: { "X-One": "1" }, multiValueHeaders: { "Set-Cookie": ["a=1", "b=2"] }, body: "headers" }),
  bytes: () => ({ statusCode: 200, headers: { "content-type": "image/x" }, body: Buffer.from([0, 255, 128]).toString("base64"), isBase64Encoded: true }),
  nothing: () => ({ statusCode: 200 }),
  forgotten: () => undefined,
};

const attempt = (call) => {
  try {
    return call();
  } catch (error) {
    return error.message;
  }
};

export default withLambda(async (...args) => {
  const [event, context] = args;
  const answer = answers[event.queryStringParameters?.kind];
  if (answer) return answer();
  const ends = ["done", "fail", "succeed"].map((name) => attempt(() => context[name]()));
  return { statusCode: 200, body: JSON.stringify({ event, context, ends, remaining: context.getRemainingTimeInMillis(), arguments: args.length }) };
});

export const config = { path: ["/lambda", "/lambda/*"] };
