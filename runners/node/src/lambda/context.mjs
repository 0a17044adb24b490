// The second argument of a handler: AWS Lambda's context, as far as Netlify's functions have it.

import { Buffer } from 'node:buffer';

/** `callback(error, result)` takes what done, fail and succeed are told. */
export function lambdaContext(invocation, callback) {
  const { deployment } = invocation;
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: deployment.functionName,
    functionVersion: '$LATEST',
    invokedFunctionArn: '',
    memoryLimitInMB: String(deployment.memoryMb),
    awsRequestId: invocation.requestId,
    logGroupName: '',
    logStreamName: '',
    identity: null,
    clientContext: clientContext(invocation) ?? {},
    getRemainingTimeInMillis: () => invocation.remainingMilliseconds,
    done: callback,
    fail: (error) => callback(error ?? new Error('context.fail() was called without an error')),
    succeed: (result) => callback(null, result),
  };
}

/**
 * Who the caller says it is, by the JSON Web Token in its Authorization header. Nothing here can check the signature, so
 * it is believed on a developer's machine only.
 */
function clientContext(invocation) {
  const { deployment } = invocation;
  if (invocation.isBackground || !deployment.isLocal) return null;
  const user = claimsOf(invocation.incomingHeader('authorization'));
  if (user === null) return null;
  const identity = { url: `${deployment.site.url}/.netlify/identity`, token: '' };
  return { identity, user, custom: { netlify: Buffer.from(JSON.stringify({ identity, user })).toString('base64') } };
}

function claimsOf(authorization) {
  const token = /^Bearer ([^.\s]+)\.([^.\s]+)\.[^.\s]*$/i.exec(authorization ?? '');
  if (token === null) return null;
  try {
    const claims = JSON.parse(Buffer.from(token[2], 'base64url').toString());
    return typeof claims === 'object' && !Array.isArray(claims) ? claims : null;
  } catch {
    return null;
  }
}
