// A bar for each peer, with the spread over the rounds as a whisker. Colours follow the reader's light or dark scheme.

import { Subject } from './peers.mjs';

const Width = 800;
const LabelWidth = 262;
const RowHeight = 30;
const BarHeight = 18;
const Top = 46;
const Right = 120;
const AxisHeight = 46;

const style = `
  text { font: 13px system-ui, sans-serif; fill: #24292f; }
  .title { font-weight: 600; font-size: 15px; }
  .small { font-size: 12px; fill: #57606a; }
  .grid { stroke: #d0d7de; }
  .one { stroke: #57606a; stroke-dasharray: 4 3; }
  .bar { fill: #8c959f; }
  .subject { fill: #0969da; }
  .variant { fill-opacity: 0.6; }
  .whisker { stroke: #24292f; stroke-width: 1.5; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .small { fill: #9198a1; }
    .grid { stroke: #3d444d; }
    .one { stroke: #9198a1; }
    .bar { fill: #656c76; }
    .subject { fill: #4493f8; }
    .whisker { stroke: #e6edf3; }
  }`;

/** bars: [{ id, label, ratio: { min, median, max }, perSecond }], in the order in which they are shown. */
export function plotRatios(bars) {
  const plotWidth = Width - LabelWidth - Right;
  const height = Top + bars.length * RowHeight + AxisHeight;
  const step = tickStep(Math.max(...bars.map(({ ratio }) => ratio.max)));
  const ticks = Math.ceil(Math.max(...bars.map(({ ratio }) => ratio.max)) / step);
  const x = (value) => round(LabelWidth + value / (ticks * step) * plotWidth);
  const bottom = Top + bars.length * RowHeight;
  const parts = [`<text class="title" x="12" y="24">Requests per second, 16 connections, “Hello, world!”</text>`];
  for (let i = 0; i <= ticks; i++) {
    const value = i * step;
    parts.push(
      `<line class="grid" x1="${x(value)}" y1="${Top - 6}" x2="${x(value)}" y2="${bottom}"/>`,
      `<text class="small" x="${x(value)}" y="${bottom + 17}" text-anchor="middle">${value}</text>`);
  }
  parts.push(`<line class="one" x1="${x(1)}" y1="${Top - 6}" x2="${x(1)}" y2="${bottom}"/>`);
  bars.forEach((bar, row) => parts.push(...drawBar(bar, Top + row * RowHeight, x)));
  parts.push(
    `<text class="small" x="${round(LabelWidth + plotWidth / 2)}" y="${bottom + 36}" text-anchor="middle">`
    + 'multiples of plain node:http with Request and Response (dashed); whiskers: lowest and highest round</text>');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${Width} ${height}" width="${Width}" height="${height}" role="img">`,
    `<style>${style}\n</style>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

function drawBar({ id, label, ratio, perSecond }, y, x) {
  const middle = y + BarHeight / 2;
  const text = `${ratio.median >= 0.01 ? ratio.median.toFixed(2) : ratio.median.toPrecision(1)} · ${perSecond >= 1000 ? `${Math.round(perSecond / 1000)} k/s` : `${Math.round(perSecond)}/s`}`;
  return [
    `<text x="${LabelWidth - 10}" y="${middle + 5}" text-anchor="end">${escape(label)}</text>`,
    `<rect class="bar${classOf(id)}" x="${x(0)}" y="${y}" width="${round(Math.max(1, x(ratio.median) - x(0)))}" height="${BarHeight}" rx="2"/>`,
    `<line class="whisker" x1="${x(ratio.min)}" y1="${middle}" x2="${x(ratio.max)}" y2="${middle}"/>`,
    `<text class="small" x="${x(ratio.max) + 8}" y="${middle + 4}">${text}</text>`,
  ];
}

function classOf(id) {
  return id === Subject ? ' subject' : id.startsWith(Subject) ? ' subject variant' : '';
}

function tickStep(largest) {
  return [0.25, 0.5, 1, 2, 5, 10].find((step) => largest / step <= 9) ?? 20;
}

const round = (value) => Math.round(value * 10) / 10;

function escape(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
