// Loads the function's module and finds what to call in it.

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { FunctionError } from './errors.mjs';
import { hasEventHandlers } from './events/names.mjs';

/** The function to call with (request, context). Rejects with what loading threw. */
export async function loadHandler(directory, entry) {
  const namespace = await import(pathToFileURL(join(directory, entry)).href);
  const legacy = findLegacyHandler(namespace);
  if (legacy !== null) {
    const { adaptHandler } = await import('./lambda/handler.mjs');
    return adaptHandler(legacy);
  }
  const exported = unwrapDefault(namespace);
  if (!isObject(exported) || !hasEventHandlers(exported)) return findHandler(namespace, entry);
  const { adaptEvents } = await import('./events/dispatch.mjs');
  return adaptEvents(exported, typeof exported.fetch === 'function' ? findHandler(namespace, entry) : null, entry);
}

/**
 * An export called `handler` makes it the older form, also beside a default export. CommonJS exports lie under `default`;
 * there, an object with `fetch` is the newer form whatever else it has.
 */
function findLegacyHandler(namespace) {
  let exported = namespace;
  for (let depth = 0; depth <= 2 && (isObject(exported) || typeof exported === 'function'); depth++, exported = exported.default) {
    const isFetchable = depth > 0 && isObject(exported) && typeof exported.fetch === 'function';
    if (!isFetchable && typeof exported.handler === 'function') return exported.handler;
  }
  return null;
}

/** Exported by itself for the warm-up, which has a module of its own. */
export function findHandler(namespace, entry) {
  const exported = unwrapDefault(namespace);
  if (isObject(exported) && typeof exported.fetch === 'function') {
    const { fetch } = exported;
    // Unbound, as on the platform: `this` is not the exported object.
    return (request, context) => fetch(request, context);
  }
  if (typeof exported === 'function') return exported;
  throw new FunctionError('Runtime.HandlerNotFound',
    `${entry} exports no function: a default export is expected, either a function or an object with a 'fetch' function`);
}

/** A CommonJS module seen from import() has its exports under `default`, and a compiled one has another `default` in them. */
function unwrapDefault(namespace) {
  let exported = namespace;
  for (let times = 0; times < 2 && isObject(exported) && exported.default !== undefined; times++) exported = exported.default;
  return exported;
}

const isObject = (value) => typeof value === 'object' && value !== null;
