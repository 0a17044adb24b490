// CDN-Loop (RFC 8586): every request that passes through a function carries who it has passed already, so that a host can
// see one that goes in circles. What came in is sent on by fetch, by undici and by node:http.

import { subscribe } from 'node:diagnostics_channel';
import { currentInvocation } from './current-invocation.mjs';

const Name = 'cdn-loop';
const Pseudonym = 'sandboxhost';
const Token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** A site's entry: `sandboxhost; site=ID`. An id that is no token of HTTP is left out. */
export function loopEntry(siteId) {
  return Token.test(siteId ?? '') ? `${Pseudonym}; site=${siteId}` : Pseudonym;
}

/** Marks what functions send from now on. Both channels tell of a request before anything of it is sent. */
export function markOutgoingRequests() {
  subscribe('undici:request:create', ({ request }) => {
    const value = valueFor(request);
    if (value !== undefined && !carries(request.headers, value)) request.addHeader?.(Name, value);
  });
  subscribe('http.client.request.created', ({ request }) => {
    const value = valueFor(request);
    // A request whose headers were given as a list has them written already.
    if (value !== undefined && !request.headersSent) request.setHeader(Name, value);
  });
}

/** Undefined outside of an invocation, and for the way through a proxy, which is no request of the function's. */
const valueFor = (request) => (request.method === 'CONNECT' ? undefined : currentInvocation.getStore()?.loopHeader);

/** A function that hands on all the headers it got hands on this one, too. */
function carries(flat, value) {
  if (!Array.isArray(flat)) return false;
  for (let index = 0; index + 1 < flat.length; index += 2) {
    if (`${flat[index]}`.toLowerCase() === Name && flat[index + 1] === value) return true;
  }
  return false;
}
