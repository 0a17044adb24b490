// What the platform sends about an event, and what a handler is given and may return: the types Deploy, User and the
// *Event types of @netlify/types.
//
// A kind is { complaint(body), open(body) }: what is wrong with a body, or null; and { event, reply } for a body that is
// right, where reply(result) makes the reply from what the handler returned.

import { FunctionError } from '../errors.mjs';
import { Reply } from '../web/response.mjs';

// Member → the platform's name for it. Texts that may be absent are null in a deploy and undefined in a user.
const DeployTexts = [['id', 'id'], ['siteId', 'site_id'], ['buildId', 'build_id', null], ['state', 'state'], ['errorMessage', 'error_message', null],
  ['url', 'url'], ['sslUrl', 'ssl_url'], ['permalinkUrl', 'deploy_ssl_url'], ['adminUrl', 'admin_url'], ['context', 'context'],
  ['branch', 'branch', null], ['commitRef', 'commit_ref', null], ['commitUrl', 'commit_url', null], ['commitMessage', 'commit_message', null],
  ['committer', 'committer', null], ['title', 'title', null], ['createdAt', 'created_at'], ['publishedAt', 'published_at', null],
  ['time', 'deploy_time', null]];
const SiteTexts = [['id', 'id'], ['name', 'name'], ['url', 'url'], ['adminUrl', 'admin_url']];
const UserIdentity = [['id', 'id'], ['email', 'email'], ['createdAt', 'created_at'], ['updatedAt', 'updated_at']];
const UserTexts = [['confirmedAt', 'confirmed_at'], ['role', 'role'], ['invitedAt', 'invited_at'], ['confirmationSentAt', 'confirmation_sent_at'],
  ['recoverySentAt', 'recovery_sent_at'], ['pendingEmail', 'new_email'], ['emailChangeSentAt', 'email_change_sent_at'],
  ['lastSignInAt', 'last_sign_in_at']];

export const deployKind = {
  complaint(body) {
    return membersMissing(body, ['payload', 'site'], 'payload', ['id', 'state', 'created_at']);
  },
  open({ payload, site }) {
    const deploy = { ...renamed(payload, DeployTexts), manual: Boolean(payload.manual_deploy), framework: payload.framework ?? null };
    return { event: { deploy, site: renamed(site, SiteTexts) }, reply: empty };
  },
};

export const formKind = {
  complaint(body) {
    const wrong = membersMissing(body, ['payload'], 'payload', []);
    return wrong === null && !isObject(body.payload.data) ? 'missing "payload.data"' : wrong;
  },
  open: ({ payload }) => ({ event: { data: payload.data }, reply: empty }),
};

export const identityKind = {
  complaint: userComplaint,
  open({ user }) {
    let isDenied = false;
    const deny = () => {
      isDenied = true;
    };
    return { event: { user: userOf(user), deny }, reply: (result) => (isDenied ? new Reply(401, [], null, false) : replyWithUser(result)) };
  },
};

/** What has happened already can't be denied, and nobody is left to be changed. */
export const undeniableKind = {
  complaint: userComplaint,
  // By its type it has no deny(), yet the platform gives it one, that does nothing.
  open: ({ user }) => ({ event: { user: userOf(user), deny() {} }, reply: empty }),
};

const isObject = (value) => typeof value === 'object' && value !== null;

const empty = () => new Reply(200, [], null, false);

function membersMissing(body, objects, checked, texts) {
  if (!isObject(body)) return 'expected an object';
  for (const name of objects) if (!isObject(body[name])) return `missing "${name}" object`;
  for (const name of texts) if (typeof body[checked][name] !== 'string') return `missing "${checked}.${name}"`;
  return null;
}

function userComplaint(body) {
  return membersMissing(body, ['user'], 'user', ['id', 'email', 'created_at']);
}

function renamed(source, names) {
  const target = {};
  for (const [name, sourceName, absent] of names) target[name] = source[sourceName] ?? (absent === undefined ? source[sourceName] : absent);
  return target;
}

const textOf = (value) => (typeof value === 'string' ? value : undefined);

function userOf(user) {
  const appMetadata = user.app_metadata ?? {};
  const userMetadata = user.user_metadata ?? {};
  const { roles } = appMetadata;
  const given = renamed(user, UserIdentity);
  // An empty text is how the identity service says that there is none.
  for (const [name, sourceName] of UserTexts) given[name] = textOf(user[sourceName]) || undefined;
  return {
    ...given,
    provider: textOf(appMetadata.provider) || undefined,
    name: textOf(userMetadata.full_name || userMetadata.name),
    pictureUrl: textOf(userMetadata.avatar_url),
    roles: Array.isArray(roles) && roles.every((role) => typeof role === 'string') ? roles : undefined,
    userMetadata,
    appMetadata,
  };
}

function replyWithUser(result) {
  if (result === undefined || result === null) return empty();
  const { user } = result;
  if (!isObject(user)) throw new FunctionError('TypeError', 'An identity handler returns { user }, or nothing');
  const sent = { id: user.id, email: user.email, created_at: user.createdAt, updated_at: user.updatedAt, role: user.role };
  for (const [name, sentName] of UserTexts) if (name !== 'role') sent[sentName] = user[name] ?? null;
  sent.app_metadata = withDefined(user.appMetadata, { provider: user.provider, roles: user.roles });
  sent.user_metadata = withDefined(user.userMetadata, { full_name: user.name, avatar_url: user.pictureUrl });
  return new Reply(200, ['content-type', 'application/json'], JSON.stringify(sent), false);
}

function withDefined(metadata, changes) {
  const changed = { ...metadata };
  for (const [name, value] of Object.entries(changes)) if (value !== undefined) changed[name] = value;
  return changed;
}
