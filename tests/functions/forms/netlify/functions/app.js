// What Express users write.
const app = () => {};
module.exports = app;
module.exports.handler = async () => ({ statusCode: 200, body: "app" });
