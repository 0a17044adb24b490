// The tables of how cost grows, from the raw figures.

import { milliseconds, table, thousands } from './page.mjs';
import { median, spread } from './statistics.mjs';

const titles = {
  connections: 'connections',
  hot: 'functions hot at once',
  deployed: 'functions deployed',
  body: 'bytes of the response',
};

/** A bar of text per row, so that a cliff is seen without reading figures. */
const bar = (share) => '█'.repeat(Math.max(1, Math.round(share * 24)));

export function scaleTables({ connections, samples }) {
  const tables = Object.entries(titles).map(([id, title]) => {
    const mine = samples.filter((sample) => sample.series === id);
    const points = [...new Set(mine.map(({ point }) => point))];
    const at = (point, value) => mine.filter((sample) => sample.point === point).map(value);
    const most = Math.max(...points.map((point) => median(at(point, ({ perSecond }) => perSecond))));
    return table([title, 'requests/s', '(lowest – highest)', '', 'p50, ms', 'p99, ms', 'host RSS, MB', 'failed'], points.map((point) => {
      const rate = spread(at(point, ({ perSecond }) => perSecond));
      return [
        point === 0 ? '0' : thousands(point), `**${thousands(rate.median)}**`, `${thousands(rate.min)} – ${thousands(rate.max)}`, bar(rate.median / most),
        milliseconds(median(at(point, ({ p50 }) => p50)) / 1000), milliseconds(median(at(point, ({ p99 }) => p99)) / 1000),
        thousands(Math.max(...at(point, ({ hostRss }) => hostRss))), String(at(point, ({ errors }) => errors).reduce((sum, errors) => sum + errors, 0)),
      ];
    }));
  });
  return `${connections} connections unless the first column says otherwise; each row is a host of its own.\n\n${tables.join('\n\n')}`;
}
