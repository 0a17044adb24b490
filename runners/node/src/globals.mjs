// What user code finds on globalThis.

import { Buffer } from 'node:buffer';
import { currentInvocation } from './current-invocation.mjs';
import { installLambdaGlobal } from './lambda/global.mjs';
import { installCaches } from './web/caches.mjs';
import { installHeaders } from './web/headers.mjs';
import { installRequest } from './web/request.mjs';
import { installResponse } from './web/response.mjs';

export function installGlobals() {
  installHeaders();
  installRequest();
  installResponse();
  installCaches();
  installLambdaGlobal();
  globalThis.Netlify = {
    get context() {
      return currentInvocation.getStore()?.context ?? null;
    },
    env: {
      get: (name) => process.env[name],
      has: (name) => Boolean(process.env[name]),
      set: (name, value) => {
        process.env[name] = value;
      },
      delete: (name) => {
        delete process.env[name];
      },
      toObject: () => ({ ...process.env }),
    },
  };
  Object.defineProperty(globalThis, 'netlifyIdentityContext', {
    configurable: true, enumerable: false, get: () => readIdentity(currentInvocation.getStore()?.incomingHeader('x-nf-identity-info')),
  });
}

/** What the platform says of the site's identity service: { url, token }, or null when there is none. */
function readIdentity(header) {
  if (!header) return null;
  try {
    return JSON.parse(Buffer.from(header, 'base64').toString());
  } catch {
    return null;
  }
}
