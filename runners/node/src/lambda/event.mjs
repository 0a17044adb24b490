// The first argument of a handler: the request as an AWS Lambda event, in the shape in which Netlify gives it.

import { Buffer } from 'node:buffer';

const TextTypes = new Set([
  'application/csp-report', 'application/graphql', 'application/javascript', 'application/json', 'application/x-ndjson',
  'application/x-www-form-urlencoded', 'application/xml',
]);

/** Resolves when the whole body is here; rejects when it was cut. */
export async function readEvent(invocation) {
  const url = new URL(invocation.url);
  const headers = valuesByName(pairsOf(invocation.readHeaders()));
  headers.set('client-ip', [invocation.clientIp]);
  const query = valuesByName(url.searchParams);
  const body = await readBody(invocation);
  const isBase64Encoded = body !== null && !isText(headers.get('content-type')?.[0]);
  return {
    rawUrl: url.href,
    rawQuery: url.search.slice(1),
    path: url.pathname,
    httpMethod: invocation.method,
    headers: joined(headers, (name) => (name === 'cookie' ? '; ' : ', ')),
    multiValueHeaders: Object.fromEntries(headers),
    queryStringParameters: joined(query, () => ', '),
    multiValueQueryStringParameters: Object.fromEntries(query),
    body: body === null ? null : body.toString(isBase64Encoded ? 'base64' : 'utf8'),
    isBase64Encoded,
    route: invocation.routePattern ?? undefined,
  };
}

function* pairsOf(flat) {
  for (let index = 0; index < flat.length; index += 2) yield [flat[index], flat[index + 1]];
}

function valuesByName(pairs) {
  const values = new Map();
  for (const [name, value] of pairs) {
    const known = values.get(name);
    if (known === undefined) values.set(name, [value]);
    else known.push(value);
  }
  return values;
}

const joined = (values, separatorOf) => Object.fromEntries([...values].map(([name, list]) => [name, list.join(separatorOf(name))]));

/** Unlike a Request, an event has the body of a GET, too. */
async function readBody(invocation) {
  if (!invocation.bodyIsStream) return invocation.bodyBytes;
  const chunks = [];
  for await (const chunk of invocation.openBodyStream()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The platform's rule: a body is text when its type says so, and without a type it is not. */
function isText(contentType) {
  const type = (contentType ?? '').split(';', 1)[0].trim().toLowerCase();
  return type.startsWith('text/') || type.endsWith('+json') || type.endsWith('+xml') || TextTypes.has(type);
}
