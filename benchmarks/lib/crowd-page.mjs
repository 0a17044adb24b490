// What many at once cost, and how long the slowest wait at half load, as text from the raw figures.

import { milliseconds, percent, table, thousands } from './page.mjs';
import { median, percentile, spread } from './statistics.mjs';

const tailTitles = {
  plain: '`node:http`, plain `Request`/`Response`',
  host: '**SandboxHost**',
  'host-starts': 'SandboxHost, while sandboxes start beside it',
};

export function tailText({ connections, starts, samples, collections }) {
  const rows = Object.entries(tailTitles).map(([measure, title]) => {
    const mine = samples.filter((sample) => sample.measure === measure);
    const at = (value) => median(mine.map(value));
    const p99 = spread(mine.map((sample) => sample.p99));
    return [
      title, thousands(at(({ perSecond }) => perSecond)), milliseconds(at(({ p50 }) => p50)), `**${milliseconds(p99.median)}** (${milliseconds(p99.min)} – ${milliseconds(p99.max)})`,
      milliseconds(at(({ max }) => max)), String(mine.reduce((sum, { errors }) => sum + errors, 0)),
    ];
  });
  const pauses = collections.pauses.map(({ ms }) => ms);
  const full = collections.pauses.filter(({ generation }) => generation === 2).length;
  return [
    table(['at half load', 'requests/s', 'p50, ms', 'p99, ms', 'slowest, ms', 'failed'], rows, 'right'),
    `${connections} connections; medians of the rounds. In the last row ${starts} functions without a worker were called beside the load: each takes a placeholder, and the pool starts another.`,
    `Garbage collection stopped the host ${thousands(pauses.length)} times in the ${Math.round(collections.seconds)} s of its life (${full} of them collected everything, beside running threads for the most part): half of the pauses`
    + ` lasted up to ${milliseconds(median(pauses))} ms, 99 % up to ${milliseconds(percentile(pauses, 99))} ms, the longest ${milliseconds(Math.max(...pauses))} ms; together ${percent(pauses.reduce((sum, ms) => sum + ms, 0) / 1000 / collections.seconds)} of the time.`,
  ].join('\n\n');
}

export function crowdText({ density, stalled }) {
  const kilobytes = stalledKilobytes(stalled);
  return [
    `**${thousands(density.workers)} workers alive** (${thousands(density.functions)} functions and the placeholders), started ${density.atOnce} at a time in ${Math.round(density.seconds)} s: ${density.megabytesEach.toFixed(1)} MB of the machine's memory each, everything counted,`
    + ` and ${thousands(density.host.rss)} MB for the host. With nothing to do, all frozen, they and the host use ${percent(density.idleShare)} of one core.`
    + ` The next ${density.later.length} functions were answered in ${milliseconds(median(density.later))} ms (median; at most ${milliseconds(Math.max(...density.later))}).`,
    `**${thousands(stalled.streams)} endless responses that nobody reads** took the host ${thousands(kilobytes[0])} KiB each after ${stalled.seconds[0]} s and ${thousands(kilobytes.at(-1))} KiB after ${stalled.seconds.at(-1)} s:`
    + ' what the function may send ahead, what waits for the client, and garbage that is not collected yet.',
  ].join('\n\n');
}

/** Growth of the host for each stream, at each look. */
export const stalledKilobytes = ({ streams, grown }) => grown.map((megabytes) => megabytes * 1024 / streams);
