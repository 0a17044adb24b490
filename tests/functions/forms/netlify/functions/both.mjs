export default () => new Response("newer");
export const handler = async () => ({ statusCode: 200, body: "older" });
