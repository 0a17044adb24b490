// Questions about Request, Response and Headers whose answers (JSON) must not depend on who built the objects. `make` has
// { request(init) } that gives a Request as a function would get it.

const flag = (object, name) => {
  const descriptor = Object.getOwnPropertyDescriptor(object, name);
  return [name.toString(), typeof descriptor.value, typeof descriptor.get, descriptor.enumerable, descriptor.configurable, descriptor.writable ?? null];
};
const attempt = async (run) => {
  try {
    return await run();
  } catch (error) {
    // Node's own classes are called _Request and _Response in some messages.
    return `${error.name}: ${error.message.replaceAll(/\b_(?=Re)/g, '')}`;
  }
};
const { inspect } = await import('node:util');

export const behaviours = {
  'class names, lengths and statics': () => [Request, Response, Headers, fetch].map((value) =>
    [value.name, value.length, typeof value, Reflect.ownKeys(value).map(String).filter((key) => key !== 'prototype').sort()]),
  'prototype members': () => [Request, Response, Headers].map(({ prototype }) => Reflect.ownKeys(prototype).filter((key) => key !== 'constructor').map((key) => flag(prototype, key))),
  'prototype function names': () => [Request, Response, Headers].map(({ prototype }) => Reflect.ownKeys(prototype).map((key) => {
    const { value, get } = Object.getOwnPropertyDescriptor(prototype, key);
    return typeof value === 'function' ? [value.name, value.length] : get ? [get.name, get.length] : null;
  })),
  'entries is the iterator': () => Headers.prototype.entries === Headers.prototype[Symbol.iterator],
  'own keys': (make) => [Reflect.ownKeys(new Response('x')), Reflect.ownKeys(make.request({})), Reflect.ownKeys(make.request({}).headers)],
  'toString': (make) => [String(new Response('x')), String(make.request({})), String(make.request({}).headers)],
  'instanceof': (make) => [new Response('x') instanceof Response, make.request({}) instanceof Request, make.request({}).headers instanceof Headers,
    new Response(new Blob([])) instanceof Response, Response.error() instanceof Response, make.request({}) instanceof Object],
  'constructor': (make) => [new Response('x').constructor === Response, make.request({}).constructor === Request, new Response('x').clone().constructor === Response,
    make.request({}).clone().constructor === Request, Object.getPrototypeOf(new Response('x')) === Response.prototype],
  'getters on a foreign this': () => Promise.all(['status', 'headers', 'body'].map((name) =>
    attempt(() => Object.getOwnPropertyDescriptor(Response.prototype, name).get.call({})))),
  'methods on a foreign this': () => attempt(() => Response.prototype.text.call({})),
  'response members': () => { const r = new Response('x', { status: 404, statusText: 'No' }); return [r.status, r.ok, r.statusText, r.type, r.url, r.redirected, r.bodyUsed, r.body instanceof ReadableStream]; },
  'null response members': () => { const r = new Response(null); return [r.body, r.bodyUsed, r.ok]; },
  'response text': async () => { const r = new Response('ä\ufeff'); return [await r.text(), r.bodyUsed, await attempt(() => r.text())]; },
  'response with byte order mark': async () => [await new Response('\ufeffa').text(), await new Response('\ufeff1').json()],
  'response json': async () => [await Response.json({ a: 1 }).json(), await attempt(() => new Response('{').json())],
  'response bytes': async () => [[...await new Response('ab').bytes()], (await new Response('abc').arrayBuffer()).byteLength, (await new Response('abcd').blob()).size],
  'response blob type': async () => (await new Response('a', { headers: { 'content-type': 'a/b' } }).blob()).type,
  'response blob type, set later': async () => { const r = new Response('a'); r.headers.set('content-type', 'c/d'); return (await r.blob()).type; },
  'response form data': async () => [...(await new Response('a=b', { headers: { 'content-type': 'application/x-www-form-urlencoded' } }).formData())],
  'response clone': async () => { const r = new Response('x', { headers: { a: '1' } }); r.headers.set('a', '2'); const c = r.clone(); c.headers.set('a', '3'); return [await r.text(), await c.text(), r.headers.get('a'), c.headers.get('a')]; },
  'response clone of used': async () => { const r = new Response('x'); await r.text(); return attempt(() => r.clone()); },
  'response of used body': async () => { const r = new Response('x'); await r.text(); return attempt(() => new Response(r.body)); },
  'response body read': async () => { const chunks = []; for await (const chunk of new Response('abc').body) chunks.push([...chunk]); return chunks; },
  'response bodyUsed after getReader': async () => { const r = new Response('abc'); const reader = r.body.getReader(); const before = r.bodyUsed; await reader.read(); return [before, r.bodyUsed]; },
  'headers identity': (make) => { const r = new Response('x'); const q = make.request({}); return [r.headers === r.headers, q.headers === q.headers, r.body === r.body]; },
  'headers of response': () => { const { headers } = new Response('x', { headers: { b: '1' } }); return [[...headers], [...headers.keys()], [...headers.values()], headers.has('B'), headers.get('Content-Type'), headers.get('none')]; },
  'headers forEach': () => { const { headers } = new Response('x', { headers: { b: '1' } }); const seen = []; headers.forEach(function (value, name, object) { seen.push(value, name, object === headers, this.tag); }, { tag: 1 }); return seen; },
  'assignment to getters': () => { 'use strict'; return attempt(() => { new Response('x').status = 5; }); },
  'inspect response': () => inspect(new Response('x', { status: 201, headers: { a: 'b' } })),
  'JSON of them': (make) => JSON.stringify([new Response('x'), make.request({}), make.request({}).headers]),
  'spread of them': (make) => [{ ...new Response('x') }, { ...make.request({}) }],
  'error response': () => { const r = Response.error(); return [r.type, r.status, attempt(() => r.headers.set('a', 'b'))]; },
  'immutable redirect headers': () => attempt(() => Response.redirect('http://a/').headers.set('a', 'b')),
  'subclass': () => { class Page extends Response { constructor(text) { super(text, { headers: { 'content-type': 'text/html' } }); } get tag() { return 'page'; } }
    const page = new Page('x'); return [page instanceof Page, page instanceof Response, page.tag, page.status, page.headers.get('content-type'), page.constructor.name, Object.prototype.toString.call(page)]; },
  'request subclass': async (make) => { class Mine extends Request { get tag() { return 1; } } const mine = new Mine(make.request({ method: 'POST', body: 'b' })); return [mine.tag, mine instanceof Mine, mine.method, await mine.text()]; },
  'request without new': () => attempt(() => Request('http://a/')),
  'request without arguments': () => attempt(() => new Request()),

  'request members': (make) => { const r = make.request({}); return [r.method, r.url, r.mode, r.credentials, r.cache, r.redirect, r.referrer, r.referrerPolicy, r.integrity, r.keepalive, r.destination, r.duplex, r.body, r.bodyUsed, r.isReloadNavigation, r.isHistoryNavigation]; },
  'request method case': (make) => ['post', 'patch', 'PATCH', 'Delete', 'options'].map((method) => make.request({ method }).method),
  'request url': (make) => ['http://localhost:80/a', 'http://EXAMPLE.com/a/../b', 'http://localhost/a b', 'http://localhost/%7Ea?x=\'"', 'http://localhost', 'http://localhost/?q=ä', 'http://localhost/./a/%2e%2e/b',
    'http://127.1/a', 'http://a.b:0080/', 'http://xn--mnchen-3ya.de/', 'https://a.example:443/', 'http://a/b;c=d,e@f', 'http://a/{b}|c^', 'http://a/b\\c', 'http://a/#hash', 'http://a:8080', 'http://1.2.3/', 'http://a.1/x',
    'http://a_b/x', 'http://a/b//c', 'http://a/[x]', "http://a/it's?it's", 'http://a/%2', 'http://a/..', 'http://a/.well-known/x', 'http://a/b/...', 'http://a:65536/'].map((url) => { try { return make.request({ url }).url; } catch (error) { return error.name; } }),
  'request headers': (make) => { const { headers } = make.request({ headers: [['b', '1'], ['a', '2'], ['b', '3'], ['cookie', 'x=1'], ['cookie', 'y=2']] });
    return [headers.get('b'), headers.get('B'), headers.has('a'), headers.has('c'), headers.get('cookie'), [...headers], [...headers.keys()], attempt(() => headers.get('a b')), attempt(() => headers.get()), headers.getSetCookie()]; },
  'request headers changed': (make) => { const { headers } = make.request({ headers: [['a', '1']] }); headers.set('b', '2'); headers.append('a', '3'); headers.delete('c'); return [[...headers], headers.get('a'), headers.has('b')]; },
  'request headers copied': (make) => { const { headers } = make.request({ headers: [['a', '1']] }); const copy = new Headers(headers); copy.set('a', '2'); return [[...copy], headers.get('a'), Object.fromEntries(headers)]; },
  'request headers forEach': (make) => { const { headers } = make.request({ headers: [['a', '1']] }); const seen = []; headers.forEach((value, name, object) => seen.push([value, name, object === headers])); return seen; },
  'request headers on another request': (make) => { const r = make.request({ headers: [['a', '1']] }); return [...new Request('http://b/', { headers: r.headers }).headers]; },
  'request text': async (make) => { const r = make.request({ method: 'POST', body: '\ufeffä' }); const before = r.bodyUsed; const text = await r.text(); return [before, text, r.bodyUsed, await attempt(() => r.text()), await attempt(() => r.json())]; },
  'request json': async (make) => [await make.request({ method: 'POST', body: '{"a":1}' }).json(), await attempt(() => make.request({ method: 'POST', body: '{a' }).json()), await attempt(() => make.request({ method: 'POST', body: '' }).json())],
  'request arrayBuffer': async (make) => { const b = await make.request({ method: 'POST', body: 'abc' }).arrayBuffer(); return [b instanceof ArrayBuffer, b.byteLength]; },
  'request bytes': async (make) => { const b = await make.request({ method: 'POST', body: 'abc' }).bytes(); return [b.constructor.name, b.byteOffset, b.buffer.byteLength, [...b]]; },
  'request blob': async (make) => { const b = await make.request({ method: 'POST', body: 'abc', headers: [['content-type', 'text/x']] }).blob(); return [b.type, b.size]; },
  'request formData': async (make) => [...await make.request({ method: 'POST', body: 'a=b&c=d', headers: [['content-type', 'application/x-www-form-urlencoded']] }).formData()],
  'request formData, wrong type': (make) => attempt(() => make.request({ method: 'POST', body: 'a' }).formData()),
  'request body used through body': async (make) => { const r = make.request({ method: 'POST', body: 'abc' }); const reader = r.body.getReader(); await reader.read(); return [r.bodyUsed, await attempt(() => r.text()), r.body.locked]; },
  'request body after text': async (make) => { const r = make.request({ method: 'POST', body: 'abc' }); await r.text(); return [r.body === null, r.bodyUsed, await attempt(() => r.clone()), await attempt(() => new Request(r))]; },
  'request text without body': async (make) => { const r = make.request({}); return [await r.text(), r.bodyUsed, (await r.arrayBuffer()).byteLength, await attempt(() => r.json())]; },
  'request clone': async (make) => { const r = make.request({ method: 'POST', body: 'abc', headers: [['a', '1']] }); r.headers.set('a', '2'); const c = r.clone(); return [await c.text(), await r.text(), c.headers.get('a'), c.url, c.method]; },
  'request of a request': async (make) => { const r = make.request({ method: 'POST', body: 'abc', headers: [['a', '1']] }); const c = new Request(r, { headers: { b: '2' } }); return [c.method, c.url, [...c.headers], await c.text(), r.bodyUsed]; },
  'request of a request with another method': (make) => { const r = make.request({ headers: [['a', '1']] }); const c = new Request(r, { method: 'DELETE' }); return [c.method, [...c.headers]]; },
  'request as init': async (make) => { const r = make.request({ method: 'PUT', body: 'abc', headers: [['a', '1']] }); const c = new Request('http://other/', r); return [c.method, c.url, c.headers.get('a'), await c.text()]; },
  'request headers changed before copying': (make) => { const r = make.request({ headers: [['a', '1']] }); r.clone(); r.headers.set('a', '2'); r.headers.append('b', '3'); return [...new Request(r).headers]; },
  'request signal': (make) => { const r = make.request({}); return [r.signal instanceof AbortSignal, r.signal.aborted, r.signal === r.signal, r.clone().signal.aborted]; },
  'request toString of url': (make) => `${new URL('/x', make.request({}).url)}`,
  'inspect request headers': (make) => inspect(make.request({ headers: [['a', '1']] }).headers),
  'destructuring': (make) => { const { method, url, headers } = make.request({}); return [method, url, typeof headers.get]; },
  'in operator': (make) => ['headers' in make.request({}), 'json' in new Response('x'), 'nothing' in new Response('x')],
  'fetch of a data url': async () => { const r = await fetch('data:text/plain,hi'); return [r instanceof Response, r.constructor === Response, r.status, await r.text()]; },
  'fetch of a request': async (make) => { const r = await fetch(new Request('data:text/plain,hi', { headers: make.request({}).headers })); return r.text(); },
  'fetch without arguments': () => attempt(() => fetch()),
  'fetch is asynchronous about errors': () => attempt(() => fetch('nonsense')),
  'patched prototype': () => { const { json } = Response.prototype; try { Response.prototype.json = () => 'patched'; return [new Response('1').json(), new Response(new Blob(['1'])).json()]; } finally { Response.prototype.json = json; } },
};
