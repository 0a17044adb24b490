// The second argument of a function, and what Netlify.context and getContext() give.

import { inspect } from 'node:util';
import { Cookies } from './cookies.mjs';
import { PrivateMap } from './primordials.mjs';

const patterns = new PrivateMap();

/**
 * Members that user code takes out of the object (`const { waitUntil } = context`) are bound; everything is made when it
 * is first asked for, because most functions ask for nothing. User code holds the object behind a proxy (see
 * `contextOf`).
 */
export class Context {
  #invocation;
  #cookies;
  #geo;
  #params;
  #url;
  #waitUntil;

  constructor(invocation) {
    this.#invocation = invocation;
  }

  get account() { return { id: this.#deployment.accountId }; }
  get cookies() { return (this.#cookies ??= new Cookies(() => this.#header('cookie'))); }
  get deploy() {
    const { id, context, published, branch } = this.#deployment.deploy;
    return { branch, context, id, published, skewProtectionToken: this.#header('x-nf-skew-protection-token') ?? undefined };
  }
  get flags() { return { get: () => undefined, evaluations: new Set() }; }
  get geo() { return (this.#geo ??= structuredClone(this.#deployment.geo)); }
  get ip() { return this.#invocation.clientIp; }
  get json() { return respondJson; }
  get log() { return log; }
  get next() { return next; }
  get params() { return (this.#params ??= matchParams(this.#invocation.routePattern, this.url)); }
  get path() { return this.#invocation.routePattern ?? `/.netlify/functions/${this.#deployment.functionName}`; }
  get requestId() { return this.#invocation.requestId; }
  get rewrite() { return (target) => rewrite(target, this.#invocation.request.url); }
  get server() { return { region: this.#deployment.region }; }
  get site() { return { ...this.#deployment.site }; }
  get url() { return (this.#url ??= new URL(this.#invocation.request.url)); }
  get waitUntil() { return (this.#waitUntil ??= (...args) => this.#invocation.waitUntil(...args)); }

  /** console.log(context) shows what is in it. */
  [inspect.custom]() {
    return { ...contextOf(this) };
  }

  toJSON() {
    const { account, deploy, geo, ip, params, path, requestId, server, site, url } = this;
    return { account, deploy, geo, ip, params, path, requestId, server, site, url };
  }

  /** Values for Set-Cookie headers; null when cookies were never touched. */
  static setCookiesOf(context) {
    return context.#cookies === undefined ? null : context.#cookies.setCookies;
  }

  get #deployment() { return this.#invocation.deployment; }

  #header(name) {
    return this.#invocation.incomingHeader(name);
  }
}

// On the platform the context is a plain object: `{ ...context }`, Object.keys and `in` show everything there is. Own
// accessors cost 2 microseconds an object, this costs a hundredth of it.
const Names = Object.entries(Object.getOwnPropertyDescriptors(Context.prototype)).filter(([, { get }]) => get !== undefined).map(([name]) => name);
const { ownKeys, getOwnPropertyDescriptor } = Reflect;

const asPlainObject = {
  get: (context, name) => context[name],
  set(context, name, value) {
    Object.defineProperty(context, name, { value, writable: true, enumerable: true, configurable: true });
    return true;
  },
  ownKeys: (context) => [...new Set([...Names, ...ownKeys(context)])],
  getOwnPropertyDescriptor(context, name) {
    const own = getOwnPropertyDescriptor(context, name);
    if (own !== undefined || !Names.includes(name)) return own;
    return { value: context[name], writable: true, enumerable: true, configurable: true };
  },
};

/** What user code gets of a Context. */
export function contextOf(context) {
  return new Proxy(context, asPlainObject);
}

const respondJson = (...args) => globalThis.Response.json(...args);
const log = (...args) => console.log(...args);

function next() {
  throw new Error('`context.next` is not implemented for serverless functions');
}

function rewrite(target, requestUrl) {
  if (typeof target !== 'string' || !target.startsWith('/')) return fetch(target);
  const url = new URL(requestUrl);
  url.pathname = target;
  return fetch(url);
}

/**
 * Groups as the pattern names them, not decoded. A trailing slash of the path is dropped first, as the platform does; a
 * wildcard that matches only with it (`/a/*` on `/a/`) still gets its empty value.
 */
function matchParams(pattern, url) {
  if (pattern === null) return {};
  const compiled = compile(pattern);
  if (compiled === null) return {};
  const { pathname } = url;
  const shortened = pathname.length > 1 && pathname.endsWith('/') ? pathname.slice(0, -1) : pathname;
  const match = exec(compiled, shortened) ?? exec(compiled, pathname);
  const params = {};
  for (const [name, value] of Object.entries(match?.pathname.groups ?? {})) if (value !== undefined) params[name] = value;
  return params;
}

const exec = (compiled, pathname) => compiled.exec({ protocol: 'http', hostname: 'localhost', pathname });

function compile(pattern) {
  let compiled = patterns.get(pattern);
  if (compiled === undefined) {
    try {
      compiled = new URLPattern({ pathname: pattern });
    } catch {
      console.warn(`Could not parse function route ${pattern}`);
      compiled = null;
    }
    patterns.set(pattern, compiled);
  }
  return compiled;
}
