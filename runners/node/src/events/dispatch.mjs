// Calls the handler of a platform event with what it is told about, and turns its result into a reply (reference §9).
// Loaded only when an exported object has such handlers.

import { FunctionError } from '../errors.mjs';
import { Reply } from '../web/response.mjs';
import { EventHeader, HandlerNames } from './names.mjs';
import { deployKind, formKind, identityKind, undeniableKind } from './payloads.mjs';

/**
 * Gives the function to call for every request: events with a handler go to it, everything else to `answer`, which is
 * null when the object handles nothing but events.
 */
export function adaptEvents(exported, answer, entry) {
  const handlers = new Map();
  for (const [slug, name] of HandlerNames) if (typeof exported[name] === 'function') handlers.set(slug, exported[name]);
  return (request, context) => {
    const slug = request.headers.get(EventHeader);
    const handler = slug === null ? undefined : handlers.get(slug);
    if (handler !== undefined) return handle(slug, handler, request);
    if (answer !== null) return answer(request, context);
    if (slug === null) return new Reply(404, ['content-type', 'text/plain; charset=utf-8'], 'Function not found...', false);
    throw new FunctionError('Runtime.HandlerNotFound', `${entry} handles ${[...handlers.keys()].join(', ')}, and not ${slug}`);
  };
}

async function handle(slug, handler, request) {
  let body;
  try {
    body = await request.json();
  } catch {
    return refuse(`Failed to parse event payload as JSON for "${slug}"`);
  }
  const kind = kindOf(slug);
  const wrong = kind.complaint(body);
  if (wrong !== null) return refuse(`Invalid event payload for "${slug}": ${wrong}`);
  const { event, reply } = kind.open(body);
  // Unbound, like `fetch`.
  return reply(await handler(event));
}

function kindOf(slug) {
  if (slug.startsWith('deploy_')) return deployKind;
  if (slug === 'submission_created') return formKind;
  return slug === 'identity_userdeleted' ? undeniableKind : identityKind;
}

/** Nobody may be there to read the reply, so its author finds it in the log as well. */
function refuse(error) {
  console.error(error);
  return new Reply(400, ['content-type', 'application/json'], JSON.stringify({ error }), false);
}
