// Which invocation the running code belongs to. The storage lies where the unmodified @netlify/functions looks for it
// (getContext() reads `context` of its store), and our console and process.exit read the same.

import { AsyncLocalStorage } from 'node:async_hooks';

export const currentInvocation = new AsyncLocalStorage();

globalThis[Symbol.for('@netlify/functions/request-context-store')] = currentInvocation;
