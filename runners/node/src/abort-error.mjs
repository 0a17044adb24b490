// Why request.signal aborts, in the words of the web platform.

import { Reason } from './messages.mjs';
import { DOMException } from './primordials.mjs';

export function abortError(reason) {
  switch (reason) {
    case Reason.TIMEOUT: return new DOMException('The function ran out of time', 'TimeoutError');
    case Reason.CLIENT_GONE: return new DOMException('The client has gone', 'AbortError');
    case Reason.LIMIT: return new DOMException('The invocation exceeded a limit', 'AbortError');
    case Reason.SHUTDOWN: return new DOMException('The host is shutting down', 'AbortError');
    default: return new DOMException('The invocation was cancelled', 'AbortError');
  }
}
