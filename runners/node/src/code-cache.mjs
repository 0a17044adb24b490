// What V8 compiled of the function, for the next worker of the same version. It is made right after the module has loaded:
// until then nothing but the deploy's own code ran here, so no client can have had a hand in it. Its hashes go to the host
// at once, its bytes a little later, when nobody waits.

import { Buffer } from 'node:buffer';
import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import module from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where the host places what an earlier worker made, below the function's directory. */
const PlacedDirectory = '.sandboxhost-code-cache';

const MaxFiles = 256;
const MaxBytes = 8 * 1024 * 1024;
const FileName = /^[0-9a-f]{1,8}$/;

const { enableCompileCache, flushCompileCache, constants } = module;

/** None of it is worth a start: whatever goes wrong, the function is compiled as if there were no cache. */
export class CodeCache {
  #base = null;
  #directory = null;

  /** Switches Node's compile cache on. Takes two milliseconds, so a placeholder does it while it warms up. */
  open() {
    if (this.#base !== null) return;
    this.#base = join(tmpdir(), `.code-cache-${randomUUID()}`);
    attempt(() => {
      if (enableCompileCache(this.#base).status !== constants.compileCacheStatus.ENABLED) return;
      // Node names a directory in it after its own version, the processor and the user.
      this.#directory = join(this.#base, readdirSync(this.#base)[0]);
    });
    this.close();
  }

  /** Lets Node find what the host placed, until close(). */
  place(functionDirectory) {
    this.open();
    if (this.#directory === null) return;
    attempt(() => {
      const placed = join(functionDirectory, PlacedDirectory);
      mkdirSync(this.#directory, { recursive: true });
      for (const name of readdirSync(placed)) symlinkSync(join(placed, name), join(this.#directory, name));
    });
  }

  /** What was compiled since open(), as [{ name, bytes, sha256 }]; empty when there is nothing, or too much. */
  collect() {
    if (this.#directory === null) return [];
    return attempt(() => {
      mkdirSync(this.#directory, { recursive: true });
      flushCompileCache();
      const names = readdirSync(this.#directory).filter((name) => FileName.test(name)).slice(0, MaxFiles);
      const files = names.map((name) => {
        const bytes = readFileSync(join(this.#directory, name));
        return { name, bytes, sha256: createHash('sha256').update(bytes).digest() };
      });
      return files.reduce((sum, { bytes }) => sum + bytes.length, 0) <= MaxBytes ? files : [];
    }) ?? [];
  }

  /** Removes the directory: Node has read what it needs of it. */
  close() {
    if (this.#base !== null) attempt(() => rmSync(this.#base, { recursive: true, force: true }));
  }
}

function attempt(action) {
  try {
    return action();
  } catch {
    return undefined;
  }
}

export const bytesOf = (files) => Buffer.concat(files.map(({ bytes }) => bytes));
