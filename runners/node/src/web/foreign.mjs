// Responses of another library or realm: what looks like a Response is taken for one.

import { Buffer } from 'node:buffer';
import { HeaderEncodingError } from '../errors.mjs';
import { ReadableStream } from '../primordials.mjs';
import { checkSendable, headersFrom } from './headers.mjs';
import { Reply } from './response.mjs';

const NotLatin1 = /[^\x00-\xff]/;

export function looksLikeResponse(value) {
  return value !== null && typeof value === 'object' && typeof value.status === 'number'
    && typeof value.headers?.forEach === 'function' && typeof value.headers.get === 'function'
    && 'body' in value && typeof value.arrayBuffer === 'function';
}

/** A promise of the Reply. Web streams and async iterables are streamed; any other body is buffered. */
export async function foreignReply(response) {
  const { status, body } = response;
  const headers = [];
  response.headers.forEach((value, name) => {
    if (`${name}`.toLowerCase() !== 'set-cookie') headers.push(`${name}`.toLowerCase(), `${value}`);
  });
  for (const cookie of cookiesOf(response.headers)) headers.push('set-cookie', `${cookie}`);
  if (headers.some((text) => NotLatin1.test(text))) throw new HeaderEncodingError();
  headersFrom(checkSendable(headers));
  if (body === null || body === undefined) return new Reply(status, headers, null, false);
  if (typeof body.getReader === 'function') return new Reply(status, headers, body, true);
  if (typeof body[Symbol.asyncIterator] === 'function') return new Reply(status, headers, ReadableStream.from(body), true);
  return new Reply(status, headers, Buffer.from(await response.arrayBuffer()), false);
}

/** Set-Cookie is the one header that must not be joined. node-fetch gives its values under raw(). */
function cookiesOf(headers) {
  if (typeof headers.getSetCookie === 'function') return headers.getSetCookie();
  if (typeof headers.raw === 'function') return headers.raw()['set-cookie'] ?? [];
  const joined = headers.get('set-cookie');
  return joined === null || joined === undefined ? [] : [joined];
}
