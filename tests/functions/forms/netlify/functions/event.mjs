// The older form: says what it was called with.
export const handler = async (event, context) => ({
  statusCode: 200,
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ event, context, remaining: context.getRemainingTimeInMillis() }),
});

// Counts for nothing, as on the platform: paths are for the newer forms.
export const config = { path: "/event" };
