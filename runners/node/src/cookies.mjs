// context.cookies: reads the Cookie header, and collects Set-Cookie headers for the response.

const Name = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// RFC 6265 cookie octets, quoted or not, and the space and comma that browsers take as well.
const Value = /^[\x20-\x3a\x3c-\x7e]*$/;
const AttributeValue = /^[\x20-\x3a\x3c-\x7e]*$/;
const Domain = /^\.?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/;
const SameSite = new Set(['Strict', 'Lax', 'None']);

export class Cookies {
  #readHeader;
  #setCookies = [];

  /** `readHeader` gives the request's Cookie header or null. */
  constructor(readHeader) {
    this.#readHeader = readHeader;
    this.get = this.get.bind(this);
    this.set = this.set.bind(this);
    this.delete = this.delete.bind(this);
  }

  /** Values for Set-Cookie headers, in the order of the calls. */
  get setCookies() {
    return this.#setCookies;
  }

  get(name) {
    for (const part of (this.#readHeader() ?? '').split(';')) {
      const equals = part.indexOf('=');
      if (equals >= 0 && part.slice(0, equals).trim() === name) return part.slice(equals + 1).trim();
    }
    return undefined;
  }

  set(nameOrCookie, value) {
    const cookie = typeof nameOrCookie === 'object' && nameOrCookie !== null ? nameOrCookie : { name: nameOrCookie, value };
    this.#setCookies.push(serialise(cookie));
  }

  delete(nameOrCookie) {
    const { name, domain, path } = typeof nameOrCookie === 'object' && nameOrCookie !== null ? nameOrCookie : { name: nameOrCookie };
    this.#setCookies.push(serialise({ name, domain, path: path ?? '/', value: '', expires: new Date(0) }));
  }
}

function serialise({ name, value, expires, maxAge, domain, path, secure, httpOnly, sameSite, unparsed }) {
  if (typeof value !== 'string') throw new TypeError("You must provide the cookie value as a string to 'cookies.set'");
  if (typeof name !== 'string' || !Name.test(name)) throw new TypeError(`Invalid cookie name: ${JSON.stringify(name)}`);
  if (!Value.test(value)) throw new TypeError(`Invalid cookie value for '${name}'`);
  if (name.startsWith('__Secure-')) secure = true;
  if (name.startsWith('__Host-')) {
    secure = true;
    path = '/';
    domain = undefined;
  }
  const parts = [`${name}=${value}`];
  if (secure) parts.push('Secure');
  if (httpOnly) parts.push('HttpOnly');
  if (maxAge !== undefined) {
    if (!Number.isInteger(maxAge) || maxAge < 0) throw new TypeError(`Invalid cookie maxAge: ${maxAge}`);
    parts.push(`Max-Age=${maxAge}`);
  }
  if (domain) {
    if (!Domain.test(domain)) throw new TypeError(`Invalid cookie domain: ${JSON.stringify(domain)}`);
    parts.push(`Domain=${domain}`);
  }
  if (sameSite) {
    if (!SameSite.has(sameSite)) throw new TypeError(`Invalid cookie sameSite: ${JSON.stringify(sameSite)}`);
    parts.push(`SameSite=${sameSite}`);
  }
  if (path) {
    if (typeof path !== 'string' || !AttributeValue.test(path)) throw new TypeError(`Invalid cookie path: ${JSON.stringify(path)}`);
    parts.push(`Path=${path}`);
  }
  if (expires !== undefined) parts.push(`Expires=${new Date(expires).toUTCString()}`);
  for (const attribute of Array.isArray(unparsed) ? unparsed : []) {
    if (typeof attribute !== 'string' || !AttributeValue.test(attribute)) throw new TypeError(`Invalid cookie attribute: ${JSON.stringify(attribute)}`);
    parts.push(attribute);
  }
  return parts.join('; ');
}
