import { Readable } from "node:stream";

// Gives what ?kind asks for.
const answers = {
  undefined: async () => undefined,
  null: async () => null,
  noStatus: async () => ({ body: "x" }),
  badStatus: async () => ({ statusCode: "no" }),
  objectBody: async () => ({ statusCode: 200, body: { a: 1 } }),
  throws: async () => { throw new TypeError("it broke"); },
  callbackError: (event, context, callback) => callback(new RangeError("told by callback")),
  fails: (event, context) => context.fail(new RangeError("told by fail")),
  succeeds: (event, context) => context.succeed({ statusCode: 200, body: "succeeded" }),
  done: (event, context) => context.done(null, { statusCode: 200, body: "done" }),
  textStatus: async () => ({ statusCode: "201", body: "text status" }),
  empty: async () => ({ statusCode: 200 }),
  noContent: async () => ({ statusCode: 204, body: "" }),
  notModified: async () => ({ statusCode: 304, headers: { etag: '"v1"' }, body: "" }),
  bytes: async () => ({ statusCode: 200, headers: { "content-type": "image/x" }, body: Buffer.from([0, 255, 128]).toString("base64"), isBase64Encoded: true }),
  headers: async () => ({
    statusCode: 200, headers: { "X-One": 1, "X-List": ["a", "b"], "Set-Cookie": "a=1" },
    multiValueHeaders: { "Set-Cookie": ["a=1", "b=2"], "X-Many": ["c", "d"] }, body: "headers",
  }),
  notLatin1: async () => ({ statusCode: 200, headers: { "x-name": "\u2192" }, body: "x" }),
  nodeStream: async () => ({ statusCode: 200, body: Readable.from(["one ", "two"]) }),
  webStream: async () => ({ statusCode: 200, body: new Blob(["web ", "stream"]).stream() }),
  large: async () => ({ statusCode: 200, body: "x".repeat(200_000) }),
};

export const handler = (event, context, callback) => answers[event.queryStringParameters.kind](event, context, callback);
