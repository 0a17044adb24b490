import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { hostsOf } from './support/fake-host.mjs';

const { serve } = hostsOf(after);

const deploy = {
  id: 'd1', site_id: 's1', build_id: 'b1', state: 'ready', error_message: 'none', url: 'http://a', ssl_url: 'https://a', deploy_ssl_url: 'https://d1--a',
  admin_url: 'https://admin', context: 'production', branch: 'main', commit_ref: 'abc', commit_url: 'https://git/abc', commit_message: 'Message',
  committer: 'someone', title: 'Title', created_at: '2026-01-02T03:04:05.678Z', published_at: '2026-01-02T03:05:05.678Z', deploy_time: 12, manual_deploy: true,
  framework: 'astro', review_url: 'not passed on',
};
const site = { id: 's1', name: 'site', url: 'http://a', admin_url: 'https://admin', more: 'not passed on' };
const user = {
  id: 'u1', email: 'a@example.com', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-01-02T00:00:00Z', confirmed_at: '2026-01-03T00:00:00Z', role: 'authenticated',
  invited_at: '2026-01-04T00:00:00Z', confirmation_sent_at: '2026-01-05T00:00:00Z', recovery_sent_at: '2026-01-06T00:00:00Z', new_email: 'b@example.com',
  email_change_sent_at: '2026-01-07T00:00:00Z', last_sign_in_at: '2026-01-08T00:00:00Z',
  app_metadata: { provider: 'email', roles: ['admin'], plan: 'pro' }, user_metadata: { full_name: 'A B', avatar_url: 'https://a/a.png', colour: 'blue' },
};
const deployEvents = ['deploy_building', 'deploy_succeeded', 'deploy_failed', 'deploy_deleted', 'deploy_locked', 'deploy_unlocked'];
const deniableEvents = ['identity_login', 'identity_signup', 'identity_validate', 'identity_usermodified'];

/** The members of an interface of @netlify/types that functions are typed with. */
function membersOf(name) {
  const types = readFileSync(join(import.meta.dirname, '..', 'node_modules', '@netlify', 'types', 'dist', 'main.d.ts'), 'utf8');
  const body = new RegExp(`^interface ${name}\\b[^{]*\\{\\n([\\s\\S]*?)^\\}`, 'm').exec(types)[1];
  return [...body.matchAll(/^ {4}(\w+)\??[:(]/gm)].map(([, member]) => member).sort();
}

const raise = (host, slug, body) => host.call({
  method: 'POST', headers: { 'x-netlify-event': slug, 'content-type': 'application/json' }, body: typeof body === 'string' ? body : JSON.stringify(body),
});

const everyHandler = `
  const tell = (name) => (event) => { console.log(name, JSON.stringify(event)); };
  export default Object.fromEntries(['deployBuilding', 'deploySucceeded', 'deployFailed', 'deployDeleted', 'deployLocked', 'deployUnlocked',
    'formSubmitted', 'userLogin', 'userSignup', 'userValidate', 'userModified', 'userDeleted'].map((name) => [name, tell(name)]));`;

test('each of the twelve events calls its handler with what its type says', async () => {
  const host = await serve(everyHandler);
  const names = new Map([
    ['deploy_building', 'deployBuilding'], ['deploy_succeeded', 'deploySucceeded'], ['deploy_failed', 'deployFailed'], ['deploy_deleted', 'deployDeleted'],
    ['deploy_locked', 'deployLocked'], ['deploy_unlocked', 'deployUnlocked'], ['submission_created', 'formSubmitted'], ['identity_login', 'userLogin'],
    ['identity_signup', 'userSignup'], ['identity_validate', 'userValidate'], ['identity_usermodified', 'userModified'], ['identity_userdeleted', 'userDeleted'],
  ]);
  for (const [slug, name] of names) {
    const { response, text, logs } = await raise(host, slug, { payload: { ...deploy, data: { a: '1' } }, site, user });
    const [, called, json] = /^(\w+) (.*)$/s.exec(logs[0].text);
    const event = JSON.parse(json);

    assert.deepEqual([called, response.status, text, response.headers], [name, 200, '', []], slug);
    if (slug.startsWith('deploy_')) {
      assert.deepEqual(Object.keys(event).sort(), membersOf('DeployEvent'));
      assert.deepEqual(Object.keys(event.deploy).sort(), membersOf('Deploy'));
      assert.deepEqual(event.site, { id: 's1', name: 'site', url: 'http://a', adminUrl: 'https://admin' });
    } else if (slug === 'submission_created') {
      assert.deepEqual(event, { data: { a: '1' } });
    } else {
      assert.deepEqual(Object.keys(event), ['user']);
      assert.deepEqual(Object.keys(event.user).sort(), membersOf('User'));
    }
  }
  assert.deepEqual(membersOf('DeploySite'), ['adminUrl', 'id', 'name', 'url']);
  assert.deepEqual(membersOf('FormSubmittedEvent'), ['data']);
  assert.deepEqual(membersOf('DeniableIdentityEvent'), ['deny']);
});

test('a deploy has its members under new names, and null where there is nothing', async () => {
  const host = await serve(everyHandler);
  const told = async (payload) => JSON.parse((await raise(host, 'deploy_failed', { payload, site })).logs[0].text.slice('deployFailed '.length)).deploy;

  assert.deepEqual(await told(deploy), {
    id: 'd1', siteId: 's1', buildId: 'b1', state: 'ready', errorMessage: 'none', url: 'http://a', sslUrl: 'https://a', permalinkUrl: 'https://d1--a',
    adminUrl: 'https://admin', context: 'production', branch: 'main', commitRef: 'abc', commitUrl: 'https://git/abc', commitMessage: 'Message', committer: 'someone',
    title: 'Title', createdAt: '2026-01-02T03:04:05.678Z', publishedAt: '2026-01-02T03:05:05.678Z', time: 12, manual: true, framework: 'astro',
  });
  assert.deepEqual(await told({ id: 'd1', state: 'error', created_at: 'then' }), {
    id: 'd1', buildId: null, state: 'error', errorMessage: null, branch: null, commitRef: null, commitUrl: null, commitMessage: null, committer: null, title: null,
    createdAt: 'then', publishedAt: null, time: null, manual: false, framework: null,
  });
});

test('a user has its members under new names, and some of its metadata', async () => {
  const host = await serve(everyHandler);
  const told = async (sent) => JSON.parse((await raise(host, 'identity_login', { user: sent })).logs[0].text.slice('userLogin '.length)).user;
  const few = { id: 'u1', email: 'a@example.com', created_at: 'then' };

  assert.deepEqual(await told(user), {
    id: 'u1', email: 'a@example.com', createdAt: '2026-01-01T00:00:00Z', updatedAt: '2026-01-02T00:00:00Z', confirmedAt: '2026-01-03T00:00:00Z', role: 'authenticated',
    invitedAt: '2026-01-04T00:00:00Z', confirmationSentAt: '2026-01-05T00:00:00Z', recoverySentAt: '2026-01-06T00:00:00Z', pendingEmail: 'b@example.com',
    emailChangeSentAt: '2026-01-07T00:00:00Z', lastSignInAt: '2026-01-08T00:00:00Z', provider: 'email', name: 'A B', pictureUrl: 'https://a/a.png', roles: ['admin'],
    userMetadata: user.user_metadata, appMetadata: user.app_metadata,
  });
  assert.deepEqual(await told(few), { id: 'u1', email: 'a@example.com', createdAt: 'then', userMetadata: {}, appMetadata: {} });
  assert.deepEqual((await told({ ...few, confirmed_at: '', role: '', last_sign_in_at: null })), { id: 'u1', email: 'a@example.com', createdAt: 'then', userMetadata: {}, appMetadata: {} });
  assert.equal((await told({ ...few, user_metadata: { name: 'Other' } })).name, 'Other');
  assert.equal((await told({ ...few, app_metadata: { roles: ['a', 1] } })).roles, undefined);
});

test('what an identity handler returns is the reply, and a denial goes before it', async () => {
  const host = await serve(`
    export default {
      userSignup: ({ user, deny }) => {
        const changed = { ...user, roles: ['editor'], name: 'New', pictureUrl: 'https://p', provider: 'x', confirmedAt: undefined };
        switch (user.email) {
          case 'deny': return deny();
          case 'both': deny(); return { user };
          case 'null': return null;
          case 'wrong': return { name: 'x' };
          case 'later': return Promise.resolve({ user: changed });
          default: return { user: changed };
        }
      },
      userDeleted: (event) => { event.deny(); return { user: event.user }; },
    };`);
  const signUp = (email) => raise(host, 'identity_signup', { user: { ...user, email } });

  for (const email of ['deny', 'both']) {
    const { response, text } = await signUp(email);
    assert.deepEqual([response.status, response.bodyKind, text, response.headers], [401, 'BODY_KIND_UNSPECIFIED', '', []], email);
  }
  for (const email of ['a', 'later']) {
    const { response, text, headers } = await signUp(email);
    assert.deepEqual([response.status, headers], [200, [['content-type', 'application/json']]]);
    assert.deepEqual(JSON.parse(text), {
      ...user, email, confirmed_at: null, app_metadata: { provider: 'x', roles: ['editor'], plan: 'pro' },
      user_metadata: { full_name: 'New', avatar_url: 'https://p', colour: 'blue' },
    });
  }
  assert.deepEqual([(await signUp('null')).response.status, (await signUp('null')).text], [200, '']);
  assert.match((await signUp('wrong')).ended.error.message, /returns \{ user \}, or nothing/);
  const deleted = await raise(host, 'identity_userdeleted', { user });
  assert.deepEqual([deleted.response.status, deleted.text], [200, '']);
});

test('each of the four deniable events can be denied', async () => {
  const host = await serve(`const deny = (event) => event.deny(); export default { userLogin: deny, userSignup: deny, userValidate: deny, userModified: deny };`);

  for (const slug of deniableEvents) assert.equal((await raise(host, slug, { user })).response.status, 401, slug);
});

test('a body that is no JSON, or lacks what it must have, is a 400 that says so, and the handler does not run', async () => {
  const host = await serve(everyHandler);
  const cases = [
    ...deployEvents.flatMap((slug) => [
      [slug, {}, 'missing "payload" object'], [slug, { payload: {} }, 'missing "site" object'], [slug, { payload: {}, site }, 'missing "payload.id"'],
      [slug, { payload: { id: '1' }, site }, 'missing "payload.state"'], [slug, { payload: { id: '1', state: 'new' }, site }, 'missing "payload.created_at"'],
    ]),
    ...[...deniableEvents, 'identity_userdeleted'].flatMap((slug) => [
      [slug, {}, 'missing "user" object'], [slug, { user: {} }, 'missing "user.id"'], [slug, { user: { id: '1' } }, 'missing "user.email"'],
      [slug, { user: { id: '1', email: 'a' } }, 'missing "user.created_at"'], [slug, null, 'expected an object'],
    ]),
    ['submission_created', {}, 'missing "payload" object'], ['submission_created', { payload: {} }, 'missing "payload.data"'],
  ];
  for (const [slug, body, wrong] of cases) {
    const { response, text, headers, logs } = await raise(host, slug, body);
    const error = `Invalid event payload for "${slug}": ${wrong}`;

    assert.deepEqual([response.status, JSON.parse(text), headers], [400, { error }, [['content-type', 'application/json']]]);
    assert.deepEqual(logs.map((log) => log.text), [error]);
  }
  for (const text of ['', '{', 'null x']) {
    assert.deepEqual(JSON.parse((await raise(host, 'identity_login', text)).text), { error: 'Failed to parse event payload as JSON for "identity_login"' });
  }
});

test('an event without a handler goes to fetch, and so does what is no event', async () => {
  const host = await serve(`export default { fetch: (request) => new Response('fetched ' + request.headers.get('x-netlify-event')), userLogin: (event) => event.deny() };`);

  assert.equal((await raise(host, 'identity_login', { user })).response.status, 401);
  assert.equal((await raise(host, 'identity_signup', { user })).text, 'fetched identity_signup');
  assert.equal((await raise(host, 'constructor', { user })).text, 'fetched constructor');
  assert.equal((await host.call()).text, 'fetched null');
});

test('an object with event handlers only has nothing to say to a request', async () => {
  const host = await serve(`export default { userLogin() {} };`);

  const asked = await host.call();
  assert.deepEqual([asked.response.status, asked.text], [404, 'Function not found...']);
  assert.match((await raise(host, 'identity_signup', { user })).ended.error.message, /handles identity_login, and not identity_signup/);
});

test('a handler that throws fails, and one in the background is not answered for', async () => {
  const host = await serve(`export default { userLogin: () => { throw new RangeError('no'); }, userSignup: (event) => { console.log(event.user.id); event.deny(); } };`);

  assert.deepEqual((await raise(host, 'identity_login', { user })).ended.error.message, 'no');
  const { response, logs } = await host.call({ method: 'POST', trigger: 'TRIGGER_BACKGROUND', headers: { 'x-netlify-event': 'identity_signup' }, body: JSON.stringify({ user }) });
  assert.deepEqual([response.status, logs[0].text], [204, 'u1']);
});

test('handlers of a CommonJS module, of an instance and of an older module are found, or not, as for fetch', async () => {
  const common = await serve({ 'hello.cjs': `module.exports = { userLogin: (event) => event.deny() };` });
  const instance = await serve(`class Handlers { userLogin(event) { return event.deny(); } } export default new Handlers();`);
  const older = await serve(`export const handler = async (event) => ({ statusCode: 202, body: event.headers['x-netlify-event'] }); export default { userLogin: (event) => event.deny() };`);

  assert.equal((await raise(common, 'identity_login', { user })).response.status, 401);
  assert.equal((await raise(instance, 'identity_login', { user })).response.status, 401);
  assert.equal((await raise(older, 'identity_login', { user })).text, 'identity_login');
});
