// The Cache API where no cache is behind it: everything is a miss and nothing is kept.

class Cache {
  async match() { return undefined; }
  async matchAll() { return []; }
  async add() {}
  async addAll() {}
  async put(request, response) { await response?.body?.cancel(); }
  async delete() { return true; }
  async keys() { return []; }
}

class CacheStorage {
  #caches = new Map();

  async open(name) {
    if (!this.#caches.has(name)) this.#caches.set(name, new Cache());
    return this.#caches.get(name);
  }

  async has(name) { return this.#caches.has(name); }
  async delete(name) { return this.#caches.delete(name); }
  async keys() { return [...this.#caches.keys()]; }
  async match() { return undefined; }
}

/** Made on first use; user code may put its own in its place. */
export function installCaches() {
  if ('caches' in globalThis) return;
  let caches;
  Object.defineProperty(globalThis, 'caches', {
    configurable: true, enumerable: true, get: () => (caches ??= new CacheStorage()), set: (value) => { caches = value; },
  });
}
