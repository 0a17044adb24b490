import type { Handler } from "@netlify/functions";

export const handler: Handler = async (event, context) => ({ statusCode: 200, body: `typed ${event.httpMethod} ${context.functionName}` });
