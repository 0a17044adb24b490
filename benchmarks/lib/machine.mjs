import { existsSync, readFileSync } from 'node:fs';
import { arch, cpus, release, totalmem } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { machineCpu, run } from './processes.mjs';

const ProbeMs = 2000;
const QuietShare = 0.05;
const MostProbes = 15;

/** Waits, not for ever, until nobody else uses the machine: our own builds have just ended. Gives the last share of it in use. */
export async function waitUntilQuiet(say) {
  for (let probe = 1; ; probe++) {
    const before = machineCpu();
    await delay(ProbeMs);
    const share = (machineCpu().busy - before.busy) / (ProbeMs * 1000 * cpus().length);
    if (share < QuietShare || probe === MostProbes) {
      return share;
    }
    say(`waiting: others use ${Math.round(share * 100)} % of the machine`);
  }
}

/** What a reader needs to know to compare figures with their own. */
export async function describeMachine() {
  const home = process.env.SANDBOXHOST_HOME;
  const text = async (command, ...args) => (await run(command, args).catch(() => '')).trim();
  const changes = await text('git', '-C', home, 'status', '--porcelain', '--', 'src', 'runners', 'protos', 'runtimes', 'benchmarks');
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: await text('git', '-C', home, 'rev-parse', '--short', 'HEAD') + (changes === '' ? '' : ' with changes'),
    cpu: cpus()[0].model.trim(),
    cores: cpus().length,
    memoryGigabytes: Math.round(totalmem() / 2 ** 30),
    system: /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'Linux',
    kernel: `${release()} ${arch()}`,
    cgroups: existsSync('/sys/fs/cgroup/cgroup.controllers') ? 'v2' : 'v1',
    node: process.version,
    dotnet: /Microsoft\.NETCore\.App (10\S*)/.exec(await text('dotnet', '--list-runtimes'))?.[1] ?? '10',
    wrk: /wrk (?:debian\/)?(\d[\d.]*)/.exec(await text('bash', '-c', 'wrk -v; true'))?.[1] ?? '',
  };
}
