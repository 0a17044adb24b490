// The debugger's way in. Node's inspector listens on the loopback of the sandbox, where nobody is; the host takes
// debuggers there, over a Unix socket of its own.

import { spawn } from 'node:child_process';
import inspector from 'node:inspector';

/**
 * Opens the inspector and starts the relay. The relay is a process of its own: a thread of this one would show up in the
 * debugger, and stand still when somebody pauses it.
 */
export function openInspector(socketPath, token) {
  inspector.open(0, '127.0.0.1');
  const { port, pathname } = new URL(inspector.url());
  const child = spawn(process.execPath, ['--eval', `(${relay})(...${JSON.stringify([socketPath, token, Number(port), pathname])})`], {
    // It ends with this process: then its standard input does.
    stdio: ['pipe', 'ignore', 'inherit'],
    env: {},
  });
  child.stdin.unref();
  child.unref();
}

/**
 * Keeps one connection to the host waiting. The first line on it says whose it is and where the inspector's WebSocket is;
 * when the host sends the first byte, it becomes a pipe to the inspector and the next one is opened. Must not refer to
 * anything outside: its text is what runs.
 */
function relay(socketPath, token, port, path) {
  const net = process.getBuiltinModule('node:net');
  process.stdin.on('end', () => process.exit()).resume();

  const wait = () => {
    const host = net.connect(socketPath, () => host.write(`${token} ${path}\n`));
    // Without a host there is nothing to do.
    host.on('error', () => process.exit());
    const onEarlyEnd = () => process.exit();
    host.on('close', onEarlyEnd);
    host.once('data', (first) => {
      host.off('close', onEarlyEnd);
      host.removeAllListeners('error').on('error', () => {});
      host.pause();
      const inspected = net.connect(port, '127.0.0.1');
      inspected.on('error', () => host.destroy());
      inspected.setNoDelay(true);
      inspected.write(first);
      host.pipe(inspected).pipe(host);
      host.on('close', () => inspected.destroy());
      inspected.on('close', () => host.destroy());
      wait();
    });
  };
  wait();
}
