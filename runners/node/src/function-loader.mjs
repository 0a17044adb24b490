// Loads the function's module and finds what to call in it.

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { FunctionError } from './errors.mjs';

/** The function to call with (request, context). Rejects with what loading threw. */
export async function loadHandler(directory, entry) {
  const namespace = await import(pathToFileURL(join(directory, entry)).href);
  return findHandler(namespace, entry);
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
