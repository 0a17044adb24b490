// docs/reliability.md, from what the faults' own reports say.

import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeMachine } from './machine.mjs';
import { median } from './statistics.mjs';

const Home = process.env.SANDBOXHOST_HOME;

const folder = join(Home, 'artifacts', 'chaos');
const reports = (existsSync(folder) ? readdirSync(folder) : []).filter((name) => name.endsWith('.json'))
  .sort((a, b) => Number.parseInt(a) - Number.parseInt(b))
  .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')));
const parts = {
  machine: machineList(await describeMachine()),
  verdict: verdict(),
  table: overview(),
  faults: reports.map(section).join('\n\n'),
};
const template = readFileSync(join(import.meta.dirname, 'reliability.template.md'), 'utf8');
writeFileSync(join(Home, 'docs', 'reliability.md'), template.replaceAll(/\{\{(\w+)\}\}/g, (_, name) => parts[name]).replaceAll(/\n{3,}/g, '\n\n'));

function machineList(machine) {
  return [
    `- ${machine.date}, commit ${machine.commit}`,
    `- ${machine.cores} × ${machine.cpu}, ${machine.memoryGigabytes} GB; ${machine.system}, Linux ${machine.kernel}, cgroup ${machine.cgroups}`,
    `- Node ${machine.node}; .NET ${machine.dotnet}`,
  ].join('\n');
}

function verdict() {
  if (reports.length === 0) {
    return '**Not measured yet.**';
  }
  const seen = reports.filter((report) => report.load);
  const broken = seen.filter((report) => report.broken.length > 0);
  const missed = reports.flatMap((report) => report.recoveries.filter((recovery) => isMissed(recovery)).map((recovery) => `${recovery.what} (${report.title.toLowerCase()})`));
  const held = broken.length === 0
    ? `All ${seen.length} invariants that were tried held.`
    : `**${broken.length} of ${seen.length} invariants that were tried did not hold**: ${broken.map((report) => report.title.toLowerCase()).join('; ')}.`;
  const brief = reports.every((report) => report.isFull) ? '' : '**A short run**, as in `./test.sh`: too short to quote. ';
  return brief + (missed.length === 0 ? held : `${held} Missed aims: ${missed.join('; ')}.`);
}

function overview() {
  if (reports.length === 0) {
    return '';
  }
  const rows = reports.map(({ title, broken, load }) => [
    title, !load ? '**not tried**' : broken.length === 0 ? 'held' : '**broken**', ...(load ? [count(load.sent), count(load.succeeded), percent(load), milliseconds(load.slowestMs)] : ['–', '–', '–', '–']),
  ]);
  return table(['fault', 'invariant', 'sent', 'succeeded', '', 'slowest, ms'], rows);
}

function section(report) {
  const { title, invariant, injected, load, notes, broken, recoveries } = report;
  const lines = [`## ${title}`, '', `**Must hold**: ${invariant}`, '', `**Injected**: ${injected}`, ''];
  if (load) {
    const failures = Object.entries(load.failures).map(([what, number]) => `${count(number)} × ${what}`);
    lines.push(
      `**Seen**: ${count(load.sent)} requests, ${count(load.succeeded)} succeeded (${percent(load)}); failed: ${failures.length > 0 ? failures.join(', ') : 'none'}. `
        + `Median ${milliseconds(load.medianMs)} ms, p99 ${milliseconds(load.p99Ms)} ms, slowest ${milliseconds(load.slowestMs)} ms.`, '');
  }
  if (recoveries.length > 0) {
    lines.push(table(
      ['until', 'times', 'median, ms', 'longest, ms', 'aim, ms', ''],
      recoveries.map((recovery) => [
        recovery.what, String(recovery.tookMs.length), milliseconds(median(recovery.tookMs)), milliseconds(Math.max(...recovery.tookMs)), count(recovery.aimMs),
        isMissed(recovery) ? 'missed' : 'reached',
      ])), '');
  }
  lines.push(...notes.flatMap((note) => [note, '']), ...broken.flatMap((what) => [`> **Did not hold**: ${what}`, '']));
  return lines.join('\n').trimEnd();
}

function isMissed({ tookMs, aimMs }) {
  return Math.max(...tookMs) > aimMs;
}

function percent({ sent, succeeded }) {
  return succeeded === sent ? '100 %' : `${(Math.floor((succeeded / sent) * 100_000) / 1000).toFixed(3)} %`;
}

function milliseconds(value) {
  return value >= 100 ? count(Math.round(value)) : value.toFixed(1);
}

function count(value) {
  return value.toLocaleString('en-US');
}

function table(heads, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(heads), line(heads.map((_, column) => (column < 2 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}
