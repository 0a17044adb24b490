// The runner: the program inside a worker. It dials the host, says hello, and serves what comes.

import { writeSync } from 'node:fs';
import { HostLink } from './host-link.mjs';

const {
  SANDBOXHOST_SOCKET: socketPath, SANDBOXHOST_TOKEN: token, SANDBOXHOST_FUNCTION_DIR: functionDirectory = '/function',
  SANDBOXHOST_INSPECTOR_SOCKET: inspectorSocketPath, SANDBOXHOST_INSPECTOR_TOKEN: inspectorToken,
} = process.env;
for (const name of Object.keys(process.env)) if (name.startsWith('SANDBOXHOST_')) delete process.env[name];

const reallyExit = process.reallyExit.bind(process);

/** Without its host a worker has no purpose: it ends at once, whatever user code is doing. */
function onClosed(error) {
  if (error === null) reallyExit(0);
  writeSync(2, `sandboxhost runner: ${error.stack ?? error}\n`);
  reallyExit(1);
}

if (!socketPath || !token) {
  writeSync(2, 'sandboxhost runner: SANDBOXHOST_SOCKET and SANDBOXHOST_TOKEN must be set. The host starts this program.\n');
  reallyExit(1);
}

const link = new HostLink(socketPath, onClosed);
link.hello(token, 'node', process.versions.node);
// The fetch API and the rest cost 25 ms to load. The host may as well know meanwhile that we are here.
link.whenFlushed(async () => {
  try {
    if (inspectorSocketPath) (await import('./inspector.mjs')).openInspector(inspectorSocketPath, inspectorToken);
    const { Session } = await import('./session.mjs');
    link.sink = new Session(link, functionDirectory);
  } catch (error) {
    onClosed(error);
  }
});
