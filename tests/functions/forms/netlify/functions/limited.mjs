// 200 KB, streamed or not, as ?streamed says.
const text = "x".repeat(200_000);

export const handler = async (event) => ({
  statusCode: 200,
  body: "streamed" in event.queryStringParameters ? new Blob([text]).stream() : text,
});
