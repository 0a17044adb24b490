// What Specialise says about the function, in the forms in which invocations need it.

import { Buffer } from 'node:buffer';
import { loopEntry } from './loop-detection.mjs';

// Set for the sandbox, not for the function: they survive the function's own environment unless it names them itself.
const SandboxVariables = ['PATH', 'HOME', 'TMPDIR', 'LANG'];
// The only way out of the sandbox: they survive whatever the function's environment says.
const ProxyVariables = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'];

export class Deployment {
  constructor(specialise) {
    this.functionName = specialise.functionName;
    this.routes = specialise.routes;
    this.site = specialise.site;
    this.deploy = specialise.deploy;
    this.accountId = specialise.accountId;
    this.region = specialise.region;
    this.memoryMb = specialise.memoryMb;
    /** On a developer's machine, where what a client claims about itself is believed. */
    this.isLocal = specialise.showErrors;
    this.geo = readGeo(specialise.geo);
    /** This site's entry in CDN-Loop headers. */
    this.loopEntry = loopEntry(this.site.id);
    /** The platform's request headers that are the same for every invocation, as a flat list. */
    this.headers = [
      'x-nf-site-id', this.site.id,
      'x-nf-account-id', this.accountId,
      'x-nf-deploy-id', this.deploy.id,
      'x-nf-deploy-context', this.deploy.context,
      'x-nf-deploy-published', this.deploy.published ? '1' : '0',
    ];
    // Behind what a client sent, which makes one list of both.
    this.headers.push('cdn-loop', this.loopEntry);
    if (this.deploy.branch) this.headers.push('x-nf-branch', this.deploy.branch);
    if (specialise.geo) this.headers.push('x-nf-geo', Buffer.from(specialise.geo).toString('base64'));
  }
}

/** `context.geo` from what the header says, where one name is spelled differently. */
function readGeo(text) {
  if (!text) return {};
  const { postal_code: postalCode, ...geo } = JSON.parse(text);
  return postalCode === undefined ? geo : { ...geo, postalCode };
}

/** Replaces the process environment by a flat list of names and values. */
export function replaceEnvironment(list) {
  const kept = new Map();
  const keep = (names) => {
    for (const name of names) if (process.env[name] !== undefined) kept.set(name, process.env[name]);
  };
  keep(SandboxVariables);
  for (let index = 0; index + 1 < list.length; index += 2) kept.set(list[index], list[index + 1]);
  keep(ProxyVariables);
  for (const name of Object.keys(process.env)) if (!kept.has(name)) delete process.env[name];
  for (const [name, value] of kept) process.env[name] = value;
}
