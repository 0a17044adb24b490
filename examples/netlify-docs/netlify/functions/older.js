// The form of AWS Lambda, CommonJS: /.netlify/functions/older?name=Ada
exports.handler = async function (event, context) {
  const { name = "stranger" } = event.queryStringParameters;
  return {
    statusCode: 200,
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ message: `Hello, ${name}`, method: event.httpMethod }),
  };
};
