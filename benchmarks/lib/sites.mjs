// Site folders that are made for one measurement.

import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const hello = join(import.meta.dirname, '..', 'peers', 'handlers', 'hello.mjs');

/** What the greeting function answers. */
export const Greeting = 'Hello, world!';

/** A new folder at this path; `fill` puts functions into the directory that it is given. */
export function makeSite(site, fill) {
  const functions = join(site, 'netlify', 'functions');
  rmSync(site, { recursive: true, force: true });
  mkdirSync(functions, { recursive: true });
  fill(functions);
  return site;
}

/** A new folder whose functions, by these names, all greet. */
export function greetingSite(site, names) {
  return makeSite(site, (functions) => names.forEach((name) => copyFileSync(hello, join(functions, `${name}.mjs`))));
}
