// The older form takes headers as plain text.
export const handler = async (event) => event.queryStringParameters.calm !== undefined ? { statusCode: 200, body: "calm" } : {
  statusCode: 200,
  headers: { "x-a": "b\r\nset-cookie: stolen=1\r\n\r\n<script>", "x-c\r\nx-injected": "d" },
  multiValueHeaders: { "x-n": ["nul\0nul", "fold\r\n fold"] },
  body: "body",
};
