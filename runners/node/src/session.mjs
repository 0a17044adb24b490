// The runner's half of the session: which frame may come when, and what it sets in motion.

import http from 'node:http';
import { join } from 'node:path';
import { bytesOf, CodeCache } from './code-cache.mjs';
import { Deployment, replaceEnvironment } from './deployment.mjs';
import { describeError } from './errors.mjs';
import { exitNow, interceptExit, interceptUncaught } from './exit.mjs';
import { loadHandler } from './function-loader.mjs';
import { installGlobals } from './globals.mjs';
import { Invocation } from './invocation.mjs';
import { captureOutput } from './output.mjs';
import { markOutgoingRequests } from './loop-detection.mjs';
import { CodeCacheUse } from './messages.mjs';
import { PrivateMap, setTimeout } from './primordials.mjs';
import { enableSourceMaps, mapWhenNeeded } from './source-maps.mjs';
import { warmUp } from './warm-up.mjs';

const State = {
  PLACEHOLDER: 'placeholder', WARMING: 'warming', WARM: 'warm', LOADING: 'loading', BROKEN: 'broken', SERVING: 'serving',
};

// A start is over by then, and the client has its answer.
const CodeCacheDelayMs = 1000;

/** The host sent what the contract does not allow. */
export class ProtocolViolationError extends Error {
  name = 'ProtocolViolationError';
}

export class Session {
  deployment = null;
  handler = null;
  #directory;
  #state = State.PLACEHOLDER;
  #lastId = 0;
  #invocations = new PrivateMap();
  #starting = [];
  #draining = false;
  #leaving = false;
  #exitCode = 0;
  #codeCache = new CodeCache();

  constructor(link, functionDirectory) {
    this.link = link;
    this.#directory = functionDirectory;
    // The path out of the sandbox. From the environment of the start, before any other can take its place.
    if (process.env.HTTP_PROXY || process.env.HTTPS_PROXY) http.setGlobalProxyFromEnv();
    installGlobals();
    markOutgoingRequests();
    captureOutput((id, level, text) => link.log(id, level, text));
    interceptExit((signal, invocation) => this.#onExit(signal, invocation));
    interceptUncaught((error, invocation) => this.#onUncaught(error, invocation));
  }

  // The host's frames

  onWarm() {
    this.#expect(State.PLACEHOLDER, 'Warm');
    this.#state = State.WARMING;
    this.#warm();
  }

  onSpecialise(specialise) {
    if (this.#state !== State.WARM) this.#expect(State.PLACEHOLDER, 'Specialise');
    this.#state = State.LOADING;
    this.#load(specialise);
  }

  onInvoke(invoke) {
    this.#expect(State.SERVING, 'Invoke');
    if (this.#draining) throw new ProtocolViolationError('An Invoke came after Drain.');
    if (invoke.id <= this.#lastId) throw new ProtocolViolationError(`The invocation id ${invoke.id} came after ${this.#lastId}.`);
    if (invoke.route >= this.deployment.routes.length || invoke.route < -1) {
      throw new ProtocolViolationError(`The route ${invoke.route} does not exist.`);
    }
    this.#lastId = invoke.id;
    // It crossed our Leaving. Not being accepted, it may safely go to another worker.
    if (this.#leaving) return;
    const invocation = new Invocation(this, invoke);
    this.#invocations.set(invoke.id, invocation);
    this.#starting.push(invocation);
  }

  onCancel({ id, reason }) {
    if (id > this.#lastId) throw new ProtocolViolationError(`A Cancel came for the invocation ${id}, which was never sent.`);
    this.#invocations.get(id)?.cancel(reason);
  }

  onPing(nonce) {
    this.link.pong(nonce);
  }

  onDrain() {
    this.#draining = true;
    this.#exitIfIdle();
  }

  /** The invocations of one message begin together, after all of them are accepted. */
  onBatchEnd() {
    const starting = this.#starting;
    if (starting.length === 0) return;
    this.#starting = [];
    const ids = [];
    for (let index = 0; index < starting.length; index++) if (starting[index].acknowledge) ids.push(starting[index].id);
    if (ids.length === 0) startAll(starting);
    else this.link.accepted(ids, () => startAll(starting));
  }

  // What comes of them

  onEnded(invocation) {
    this.#invocations.delete(invocation.id);
    this.#exitIfIdle();
  }

  async #warm() {
    await warmUp(this.#codeCache);
    this.#state = State.WARM;
    this.link.warmed();
  }

  async #load(specialise) {
    this.deployment = new Deployment(specialise);
    replaceEnvironment(specialise.environment);
    try {
      process.chdir(this.#directory);
      process.argv = [process.execPath, specialise.entry];
      enableSourceMaps();
      mapWhenNeeded(join(this.#directory, specialise.entry));
      const { codeCache } = specialise;
      if (codeCache === CodeCacheUse.PLACED) this.#codeCache.place(this.#directory);
      if (codeCache === CodeCacheUse.WANTED) this.#codeCache.open();
      this.handler = await loadHandler(this.#directory, specialise.entry);
      const compiled = codeCache === CodeCacheUse.WANTED ? this.#codeCache.collect() : [];
      this.#codeCache.close();
      this.#loaded(null, compiled);
      if (compiled.length > 0) setTimeout(() => this.#sendCodeCache(compiled), CodeCacheDelayMs).unref();
    } catch (error) {
      this.#loaded(error);
    }
  }

  async #sendCodeCache(files) {
    try {
      await this.link.sendCodeCache(bytesOf(files));
    } catch {
      // The link is over, and this process with it.
    }
  }

  #loaded(error, compiled = []) {
    if (this.#state !== State.LOADING) return;
    this.#state = error === null ? State.SERVING : State.BROKEN;
    this.link.specialised(error === null ? null : describeError(error), compiled);
  }

  #onExit(signal, invocation) {
    if (this.#state === State.LOADING) {
      this.#loaded(signal);
      return;
    }
    invocation?.exit(signal.exitCode, signal);
    this.#leave(`The function called process.exit(${signal.exitCode}).`, signal.exitCode);
  }

  #onUncaught(error, invocation) {
    console.error('Uncaught', error);
    if (this.#state === State.LOADING) {
      this.#loaded(error);
      return;
    }
    invocation?.fail(error);
    const { type, message } = describeError(error);
    this.#leave(`Nobody caught an exception: ${type}: ${message}`, 1);
  }

  #leave(reason, exitCode) {
    if (this.#leaving) return;
    this.#leaving = true;
    this.#exitCode = exitCode;
    this.link.leaving(reason);
    this.#exitIfIdle();
  }

  #exitIfIdle() {
    if ((this.#draining || this.#leaving) && this.#invocations.size === 0) this.link.end(() => exitNow(this.#exitCode));
  }

  #expect(state, frame) {
    if (this.#state !== state) throw new ProtocolViolationError(`A ${frame} came in the state '${this.#state}'.`);
  }
}

function startAll(invocations) {
  for (let index = 0; index < invocations.length; index++) invocations[index].start();
}
