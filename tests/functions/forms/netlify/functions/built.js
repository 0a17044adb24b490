const { builder } = require("@netlify/functions");

exports.handler = builder(async (event) => ({
  statusCode: 200,
  body: JSON.stringify({ query: event.queryStringParameters, path: event.path }),
  ttl: 60,
}));
