// process.exit in user code ends the caller's own invocation; the process leaves when the others are done.

import { currentInvocation } from './current-invocation.mjs';

const realExit = process.exit.bind(process);
const realReallyExit = process.reallyExit;

/** Thrown at whoever calls process.exit, because it never returns. Nobody reports it. */
export class ExitSignal extends Error {
  name = 'ProcessExit';

  constructor(exitCode) {
    super(`The function called process.exit(${exitCode})`);
    this.exitCode = exitCode;
  }
}

/** `onExit(signal, invocation)`: the invocation is undefined when the caller cannot be told. */
export function interceptExit(onExit) {
  const exit = (code) => {
    const signal = new ExitSignal(exitCodeOf(code));
    onExit(signal, currentInvocation.getStore());
    throw signal;
  };
  process.exit = exit;
  process.reallyExit = exit;
}

/** `onUncaught(error, invocation)` hears of exceptions and rejections that nobody handled. */
export function interceptUncaught(onUncaught) {
  process.on('uncaughtException', (error) => {
    if (!(error instanceof ExitSignal)) onUncaught(error, currentInvocation.getStore());
  });
  process.on('unhandledRejection', (reason) => {
    // A function that listens itself handles them itself.
    if (reason instanceof ExitSignal || process.listenerCount('unhandledRejection') > 1) return;
    onUncaught(reason, currentInvocation.getStore());
  });
}

/** Ends the process for real; listeners of 'exit' run. */
export function exitNow(exitCode) {
  // What listeners of 'exit' call is Node's own again.
  process.exit = realExit;
  process.reallyExit = realReallyExit;
  realExit(exitCode);
}

function exitCodeOf(code) {
  const number = Number(code ?? process.exitCode ?? 0);
  return Number.isInteger(number) ? number | 0 : 1;
}
