// What user code finds on globalThis.

import { currentInvocation } from './current-invocation.mjs';
import { installHeaders } from './web/headers.mjs';
import { installRequest } from './web/request.mjs';
import { installResponse } from './web/response.mjs';

export function installGlobals() {
  installHeaders();
  installRequest();
  installResponse();
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
}
