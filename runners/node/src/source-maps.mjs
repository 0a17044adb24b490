// Source maps: errors name the lines that their author wrote.

import { existsSync } from 'node:fs';
import module from 'node:module';
import { basename } from 'node:path';

const nativePrepare = Error.prepareStackTrace;

// Node keeps a map only for as long as the module that it belongs to.
let holder = null;

/** From now on Node reads the maps that modules name, when it loads them. */
export function enableSourceMaps() {
  module.setSourceMapsSupport(true, { nodeModules: false, generatedCode: false });
}

/**
 * Reads the map that lies beside `file` when the first stack is looked at. Node would read it while it loads the module,
 * and go through the module character by character: for a large bundle that takes as long as all the rest of a start. So
 * a bundle does not name its map, and Node is told of it here. A stack's text is made by Error.prepareStackTrace, which is
 * Node's own again as soon as the map is known.
 */
export function mapWhenNeeded(file) {
  function prepareStackTrace(error, trace) {
    if (Error.prepareStackTrace === prepareStackTrace) install(nativePrepare);
    readMap(file);
    return nativePrepare(error, trace);
  }
  if (typeof nativePrepare === 'function') install(prepareStackTrace);
}

function install(value) {
  Object.defineProperty(Error, 'prepareStackTrace', { value, writable: true, enumerable: false, configurable: true });
}

function readMap(file) {
  if (holder !== null || module.findSourceMap(file) !== undefined || !existsSync(`${file}.map`)) return;
  // Loading a module is the only way to tell Node of a map; this one is empty but for the name.
  holder = new module(file);
  holder._compile(`//# sourceMappingURL=${encodeURIComponent(basename(file))}.map`, file);
}
