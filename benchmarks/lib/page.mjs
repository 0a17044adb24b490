// docs/benchmarks.md and its plot, from the raw figures alone.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crowdText, stalledKilobytes, tailText } from './crowd-page.mjs';
import { BareNode, Baseline, Kestrel, Subject } from './peers.mjs';
import { plotRatios } from './plot.mjs';
import { scaleTables } from './scale-page.mjs';
import { median, spread } from './statistics.mjs';

const None = '–';

/** @param measured What each part measured, by its name; null for one that was not. */
export function writePage(measured, docs) {
  const warm = measured.warm === null ? null : new WarmPage(measured.warm);
  const commit = measured.warm?.machine.commit;
  const again = ({ machine }) => (machine.commit === commit ? '' : `\n\nMeasured at another time, ${machine.date}, commit ${machine.commit}.`);
  const text = (part, write) => (measured[part] === null ? `Not measured yet: \`./benchmarks/run --${part}\`.` : write(measured[part]) + again(measured[part]));
  const parts = {
    ...warm?.parts(),
    cold: text('cold', coldTable),
    background: text('background', backgroundText),
    tail: text('tail', tailText),
    scale: text('scale', scaleTables),
    crowd: text('crowd', crowdText),
    targets: targetTable(warm, measured),
  };
  const template = readFileSync(join(import.meta.dirname, 'page.template.md'), 'utf8');
  const page = template.replaceAll(/\{\{(\w+)\}\}/g, (_, name) => parts[name] ?? 'Not measured yet.');
  writeFileSync(join(docs, 'benchmarks.md'), page.replaceAll(/\n{3,}/g, '\n\n'));
  if (warm !== null) {
    writeFileSync(join(docs, 'benchmarks-throughput.svg'), plotRatios(warm.bars()));
  }
}

function backgroundText({ connections, bodyBytes, samples }) {
  const calls = spread(samples.map(({ perSecond }) => perSecond));
  const ratio = spread(samples.map(({ perSecond, flushes }) => perSecond / flushes));
  const errors = samples.reduce((sum, sample) => sum + sample.errors, 0);
  return [
    `${connections} connections, bodies of ${bodyBytes} bytes, several functions: **${thousands(calls.median)}** (${thousands(calls.min)} – ${thousands(calls.max)}),`,
    `p99 ${(median(samples.map(({ p99 }) => p99)) / 1000).toFixed(1)} ms; meanwhile the runs run. Beside it the disk does`,
    `${thousands(median(samples.map(({ flushes }) => flushes)))} appends a second of that size, each flushed before the next (ratio **${factor(ratio.median)}**,`,
    `${factor(ratio.min)} – ${factor(ratio.max)}). What waits is flushed together, so a slower disk costs less than its ratio says.${errors > 0 ? ` ${errors} calls failed.` : ''}`,
  ].join(' ');
}

class WarmPage {
  #warm;

  constructor(warm) { this.#warm = warm; }

  parts() {
    const { machine, options } = this.#warm;
    return {
      machine: machineList(machine, options, this.#noise),
      warnings: this.#warnings(),
      cores: String(machine.cores),
      rounds: String(options.rounds),
      megabytes: String(options.megabytes),
      throughput: this.#throughput(),
      latency: this.#latency(),
      bodies: this.#bodies(),
      cpu: this.#cpu(),
      memory: this.#memory(),
      peers: table(['peer', 'version', 'what'], this.#warm.peers.map(({ label, version, note }) => [label, version ?? 'this commit', note])),
    };
  }

  /** One number for each round. */
  values(peer, measure, value = (sample) => sample.value) {
    return this.#warm.samples.filter((sample) => sample.peer === peer && sample.measure === measure).map(value);
  }

  /** Against the baseline of the same round: lowest, median, highest. Null when either was not measured. */
  ratio(peer, measure, value, baseline = Baseline) {
    const mine = this.values(peer, measure, value);
    const theirs = this.values(baseline, measure, value);
    return mine.length === 0 || mine.length !== theirs.length ? null : spread(mine.map((number, round) => number / theirs[round]));
  }

  /** Differences instead of ratios. */
  median(peer, measure, value) {
    const values = this.values(peer, measure, value);
    return values.length === 0 ? null : median(values);
  }

  /** Shares of the machine that went elsewhere while load was measured. */
  get #noise() {
    const loads = this.#warm.samples.filter((sample) => sample.others !== undefined);
    const all = loads.map((sample) => sample.others + sample.stolen);
    return { median: median(all), worst: Math.max(...all) };
  }

  get memory() { return this.#warm.memory; }

  bars() {
    return this.#warm.peers
      .map(({ id, label }) => ({ id, label: label.replaceAll('`', ''), ratio: this.ratio(id, 'load-16', perSecond), perSecond: this.median(id, 'load-16', perSecond) }))
      .filter((bar) => bar.ratio !== null)
      .sort((a, b) => b.ratio.median - a.ratio.median);
  }

  #rows(measure, cells) {
    return this.#warm.peers
      .filter(({ id }) => this.values(id, measure).length > 0)
      .map((peer) => [name(peer), ...cells(peer.id)]);
  }

  #throughput() {
    const cell = (id, connections) => {
      const ratio = this.ratio(id, `load-${connections}`, perSecond);
      return ratio === null
        ? [None, None]
        : [`**${factor(ratio.median)}** (${factor(ratio.min)} – ${factor(ratio.max)})`, thousands(this.median(id, `load-${connections}`, perSecond))];
    };
    return table(
      ['peer', 'ratio, 16 connections', 'requests/s', 'ratio, 64', 'requests/s', 'ratio, 1', 'requests/s'],
      this.#rows('load-16', (id) => [...cell(id, 16), ...cell(id, 64), ...cell(id, 1)]), 'right');
  }

  #latency() {
    const cell = (id, connections, percent) => {
      const micros = this.median(id, `load-${connections}`, (sample) => sample[percent]);
      return micros === null ? None : milliseconds(micros / 1000);
    };
    return table(
      ['peer', '1 connection, p50', 'p99', '16 connections, p50', 'p99', '64 connections, p50', 'p99'],
      this.#rows('load-16', (id) => [1, 16, 64].flatMap((connections) => [cell(id, connections, 'p50'), cell(id, connections, 'p99')])), 'right');
  }

  #bodies() {
    const cell = (id, measure) => {
      const ratio = this.ratio(id, measure);
      return [`${thousands(this.median(id, measure))}`, `**${factor(ratio.median)}** (${factor(ratio.min)} – ${factor(ratio.max)})`];
    };
    return table(
      ['peer', 'response, MB/s', 'ratio', 'request, MB/s', 'ratio', 'first chunk, ms'],
      this.#rows('download', (id) => [...cell(id, 'download'), ...cell(id, 'upload'), milliseconds(this.median(id, 'first-chunk'))]), 'right');
  }

  #cpu() {
    const micros = (id, part) => Math.round(this.median(id, 'load-16', (sample) => sample.cpu[part]));
    const rows = this.#rows('load-16', (id) => [
      thousands(micros(id, 'server')),
      ...(id.startsWith(Subject) ? [thousands(micros(id, 'host')), thousands(micros(id, 'workers'))] : [None, None]),
    ]);
    return table(['peer', 'all', 'of it the host', 'of it the worker'], rows, 'right');
  }

  #memory() {
    const { count, idle, frozen, host, baseline } = this.#warm.memory;
    const row = (label, memory) => [label, ...(memory === null ? [None, None, None] : [memory.rss, memory.pss, memory.private].map((value) => value.toFixed(1)))];
    const text = `MB of one process: the median of ${count} that live side by side, each after its first request. **PSS** is what it costs: `
      + 'pages shared with others are counted in part. **Private** is what it would cost were there very many.\n\n';
    return text + table(
      ['process', 'resident (RSS)', 'proportional (PSS)', 'private'],
      [row('worker, idle', idle), row('worker, frozen', frozen), row('baseline server, idle', baseline), row(`the host itself, with ${count} workers`, host)], 'right');
  }

  #warnings() {
    const { options, samples } = this.#warm;
    const lines = [];
    if (options.mode !== 'full') {
      lines.push('**A quick run**: too short to quote.');
    }
    if (this.#noise.worst > 0.1) {
      lines.push('**The machine was not idle** while this was measured (see above): expect wide spreads.');
    }
    for (const { peer, measure, round, errors } of samples.filter((sample) => sample.errors > 0)) {
      lines.push(`**${errors} failed requests**: ${peer}, ${measure}, round ${round + 1}.`);
    }
    return lines.map((line) => `> ${line}`).join('\n>\n');
  }
}

function machineList(machine, options, noise) {
  return [
    `- ${machine.date}, commit ${machine.commit}; ${options.rounds} rounds of ${options.seconds} s a measure`,
    `- ${machine.cores} × ${machine.cpu}, ${machine.memoryGigabytes} GB; ${machine.system}, Linux ${machine.kernel}, cgroup ${machine.cgroups}`,
    `- Node ${machine.node} for every peer that runs on Node, SandboxHost's workers included; .NET ${machine.dotnet}; wrk ${machine.wrk}`,
    `- Others used ${percent(noise.median)} of the machine while load was measured (median; at worst ${percent(noise.worst)})`,
  ].join('\n');
}

function coldTable({ cases, options }) {
  const rows = cases.map((each) => [startName(each), milliseconds(each.p50), milliseconds(each.p90), milliseconds(each.p99), milliseconds(each.min), milliseconds(each.max)]);
  return table(['start', 'p50, ms', 'p90', 'p99', 'fastest', 'slowest'], rows, 'right') + `\n\n${options.iterations} starts of each kind.`;
}

function startName({ name: method, parameters }) {
  const [, size] = /Bundle=([^&]*)/.exec(parameters) ?? [];
  const bundle = { OneKilobyte: '1 KB', HundredKilobytes: '100 KB', OneMegabyte: '1 MB' }[size];
  return {
    PlaceholderTaken: `placeholder taken, ${bundle}`,
    PlaceholderTakenAgain: `the same, ${bundle}, not the version's first worker`,
    NoneReady: `none ready, ${bundle}`,
    BareNode: '`node -e 0`, bare, start to exit',
  }[method] ?? `${method} ${parameters}`;
}

function targetTable(warm, { cold, tail, crowd }) {
  const start = (method, bundle) => cold?.cases.find((each) => each.name === method && each.parameters.includes(bundle));
  const first = start('PlaceholderTaken', 'HundredKilobytes');
  const hit = start('PlaceholderTakenAgain', 'HundredKilobytes');
  const large = start('PlaceholderTakenAgain', 'OneMegabyte');
  const miss = start('NoneReady', 'OneKilobyte');
  const node = start('BareNode', '');
  const overBaseline = warm?.ratio(Subject, 'load-16', perSecond)?.median;
  const overHono = warm?.ratio(Subject, 'load-16', perSecond, 'hono')?.median;
  const p50 = (id) => warm?.median(id, 'load-1', (sample) => sample.p50) / 1000;
  const added = p50(Subject) - p50(BareNode);
  const speed = (measure) => warm?.median(Subject, measure);
  const hostCpu = warm?.ratio(Subject, 'load-16', (sample) => sample.cpu.host, Kestrel)?.median;
  const halfLoad = tail === null ? NaN : median(tail.samples.filter(({ measure }) => measure === 'host').map(({ p99 }) => p99));
  const inMilliseconds = (value) => `${milliseconds(value)} ms`;
  const rows = [
    aim('requests/s at 16 connections over the baseline', '≥ 2', overBaseline, (value) => value >= 2, factor),
    aim('requests/s at 16 connections over `@hono/node-server`', '≥ 1', overHono, (value) => value >= 1, factor),
    aim('latency added to bare `node:http`, 1 connection, p50', '≤ 0.15 ms', added, (value) => value <= 0.15, inMilliseconds),
    aim('one streamed response', '≥ 400 MB/s', speed('download'), (value) => value >= 400, (value) => `${thousands(value)} MB/s`),
    aim('one streamed request', '≥ 400 MB/s', speed('upload'), (value) => value >= 400, (value) => `${thousands(value)} MB/s`),
    aim('first chunk of a stream, more than with the baseline', '≤ 1 ms', warm?.median(Subject, 'first-chunk') - warm?.median(Baseline, 'first-chunk'), (value) => value <= 1, inMilliseconds),
    aim('idle worker, PSS', '≤ 18 MB', warm?.memory?.idle?.pss, (value) => value <= 18, (value) => `${value.toFixed(1)} MB`),
    aim('frozen worker, PSS', '≤ 6 MB', warm?.memory?.frozen?.pss, (value) => value <= 6, (value) => `${value.toFixed(1)} MB`),
    aim('host CPU of a request over Kestrel alone, 16 connections', '≤ 1.35', hostCpu, (value) => value <= 1.35, factor),
    aim('cold start, placeholder taken, 100 KB, first worker of a version, p50', '≤ 5 ms', first?.p50, (value) => value <= 5, inMilliseconds),
    aim('the same, later workers, p50', '≤ 5 ms', hit?.p50, (value) => value <= 5, inMilliseconds),
    aim('the same, later workers, p99', '≤ 25 ms', hit?.p99, (value) => value <= 25, inMilliseconds),
    aim('cold start, placeholder taken, 1 MB, later workers, p50', '≤ 12 ms', large?.p50, (value) => value <= 12, inMilliseconds),
    aim('cold start, placeholder taken, 100 KB, later workers, over bare `node`, p50', '≤ 0.17', hit?.p50 / node?.p50, (value) => value <= 0.17, factor),
    aim('cold start, none ready, over bare `node`, p50', '≤ 2', miss?.p50 / node?.p50, (value) => value <= 2, factor),
    aim('p99 at half load', '≤ 3 ms', halfLoad, (value) => value <= 3, inMilliseconds),
    aim('a stalled stream, memory of the host', '≤ 256 KiB', crowd === null ? NaN : stalledKilobytes(crowd.stalled).at(-1), (value) => value <= 256, (value) => `${thousands(value)} KiB`),
    aim('host and workers with nothing to do, all frozen, of one core', '≤ 1 %', crowd?.density.idleShare, (value) => value <= 0.01, percent),
    aim('a worker among hundreds, memory of the machine', '≤ 18 MB', crowd?.density.megabytesEach, (value) => value <= 18, (value) => `${value.toFixed(1)} MB`),
  ];
  return table(['what', 'aim', 'here', ''], rows);
}

function aim(what, target, value, reached, format) {
  return Number.isFinite(value) ? [what, target, `**${format(value)}**`, reached(value) ? 'reached' : 'missed'] : [what, target, None, 'not measured'];
}

const perSecond = (sample) => sample.perSecond;

function name({ id, label }) {
  return id === Subject ? `**${label}**` : label;
}

function factor(value) {
  return value >= 100 ? value.toFixed(0) : value >= 0.01 ? value.toFixed(2) : value.toPrecision(2);
}

export function percent(share) {
  return `${(share * 100).toFixed(share < 0.095 ? 1 : 0)} %`;
}

export function milliseconds(value) {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

export function thousands(value) {
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(2)));
}

export function table(heads, rows, align = 'left') {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const rule = heads.map((_, column) => (column > 0 && align === 'right' ? '---:' : '---'));
  return [line(heads), line(rule), ...rows.map(line)].join('\n');
}
