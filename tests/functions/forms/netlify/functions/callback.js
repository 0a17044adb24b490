// CommonJS, and the answer comes by callback.
exports.handler = function (event, context, callback) {
  setImmediate(() => callback(null, { statusCode: 202, body: `called back ${event.httpMethod}` }));
};
