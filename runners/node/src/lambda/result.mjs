// What a handler gave back, as a reply.

import { Buffer } from 'node:buffer';
import { PassThrough, pipeline, Readable } from 'node:stream';
import { inspect } from 'node:util';
import { FunctionError } from '../errors.mjs';
import { ReadableStream } from '../primordials.mjs';
import { checkSendable, headersFrom } from '../web/headers.mjs';
import { Reply } from '../web/response.mjs';

// What Headers takes off a value.
const OuterSpace = /^[\t\n\r ]+|[\t\n\r ]+$/g;
const BuilderPath = /^\/\.netlify\/builders\//;

/** Throws what is wrong with the result of a handler that was called with this event. */
export function replyOfResult(result, event) {
  if (result === undefined) throw wrong('lambda response was undefined. check your function code again');
  if (result === null) {
    throw wrong('no lambda response. check your function code again. make sure to return a promise or use the callback.');
  }
  const { statusCode, body, isBase64Encoded, metadata } = result;
  if (!Number(statusCode)) throw wrong(`Your function response must have a numerical statusCode. You gave: ${inspect(statusCode)}`);
  if (asksForBuilder(event) && metadata?.builder_function !== true) return notABuilder();
  const list = headerList(result);
  if (!body) return replyOf(statusCode, list, null, false);
  if (typeof body === 'string') {
    if (isBase64Encoded) return replyOf(statusCode, list, Buffer.from(body, 'base64'), false);
    return replyOf(statusCode, withTextType(list), body, false);
  }
  if (isStream(body)) return replyOf(statusCode, list, asWebStream(body), true);
  throw wrong(`Your function response must have a string or a stream body. You gave: ${inspect(body)}`);
}

/** The flat list of a result's headers, both members merged: what is in both with the same value counts once. */
export function headerList({ headers, multiValueHeaders }) {
  const list = [];
  const add = (name, value) => {
    if (value !== null && value !== undefined) list.push(`${name}`.toLowerCase(), `${value}`);
  };
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (Array.isArray(value)) value.forEach((item) => add(name, item));
    else add(name, value);
  }
  const single = list.slice();
  const isThere = (name, value) => single.some((text, index) => index % 2 === 0 && text === name && single[index + 1] === value);
  for (const [name, values] of Object.entries(multiValueHeaders ?? {})) {
    for (const value of [values].flat()) if (!isThere(`${name}`.toLowerCase(), `${value}`)) add(name, value);
  }
  return list;
}

/** A reply whose headers are checked by Headers, which throws what is wrong with them. Repeated ones stay repeated. */
export function replyOf(statusCode, list, body, streaming) {
  headersFrom(list);
  return new Reply(Number(statusCode), checkSendable(list.map((text) => text.replace(OuterSpace, ''))), body, streaming);
}

function withTextType(list) {
  return list.some((text, index) => index % 2 === 0 && text === 'content-type') ? list : [...list, 'content-type', 'text/plain; charset=utf-8'];
}

const isStream = (body) => body instanceof ReadableStream || typeof body.pipe === 'function';

/** Strings become bytes on the way; the end of either stream is the end of the other. */
function asWebStream(body) {
  return Readable.toWeb(pipeline(body, new PassThrough(), () => {}));
}

/** What builder() answers to other methods does not say that it is one. */
const asksForBuilder = ({ path, httpMethod }) => BuilderPath.test(path) && (httpMethod === 'GET' || httpMethod === 'HEAD');

function notABuilder() {
  const message = 'Function is not an on-demand builder. See https://ntl.fyi/create-builder for how to convert a function to a builder.';
  return new Reply(400, ['content-type', 'application/json'], JSON.stringify({ message }), false);
}

const wrong = (message) => new FunctionError('Error', message);
