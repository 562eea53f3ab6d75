// SPDX-License-Identifier: MIT
// A plot of the last minutes, in the colours of the page.

import { html } from 'htm/preact';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';

const HEIGHT = 168;
const SPAN_S = { least: 60, most: 300 };
/** Steps between the lines of a plot: of numbers, and of bytes. */
const WHOLE = Array.from({ length: 12 }, (_, i) => [1, 2, 5].map((n) =>
  n * 10 ** i)).flat();
const FINE = [.1, .2, .5, ...WHOLE];
const BYTES = Array.from({ length: 41 }, (_, i) => 2 ** i);
const dark = matchMedia('(prefers-color-scheme: dark)');

const colour = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** The last minute, and more when there is more. */
const reach = (_, min, max) => [max - Math.min(SPAN_S.most,
  Math.max(SPAN_S.least, max - min)), max];

/** From zero, with a little room; a flat line is not a mountain. */
function bounds(least) {
  return (_, __, max) => [0, Math.max(least, (max ?? 0) * 1.15)];
}

function options(width, { lines, format, least, inBytes, fine }) {
  const axis = { stroke: colour('--soft'), font: '12px system-ui, sans-serif',
    grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false } };
  return {
    width, height: HEIGHT, padding: [8, 8, 0, 0],
    legend: { show: false }, cursor: { y: false, drag: { x: false, y: false },
      points: { size: 7 } },
    scales: { x: { range: reach },
      y: { range: bounds(least) } },
    axes: [
      { ...axis, grid: { show: false }, size: 30, space: 90,
        values: (_, ticks, __, ___, step) => ticks.map((at) => new Date(at * 1000)
          .toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit',
            second: step < 60 ? '2-digit' : undefined })) },
      { ...axis, size: 66, space: 36, incrs: inBytes ? BYTES
        : fine ? FINE : WHOLE,
        values: (_, ticks) => ticks.map(format) },
    ],
    series: [{}, ...lines.map(({ ink, fill }) => ({ stroke: colour(ink),
      width: 2, points: { show: false }, spanGaps: false,
      fill: fill ? colour(fill) : undefined }))],
  };
}

/** `lines` are { name, ink, fill?, values }; `format` writes a value. */
export function Plot(props) {
  const { title, times, lines, format } = props;
  const box = useRef();
  const plot = useRef();
  const data = () => [times, ...lines.map(({ values }) => values)];

  useEffect(() => {
    const node = box.current;
    const make = () => {
      plot.current?.destroy();
      plot.current = new uPlot(options(node.clientWidth, props), data(), node);
    };
    const sizes = new ResizeObserver(() =>
      plot.current.setSize({ width: node.clientWidth, height: HEIGHT }));
    make();
    sizes.observe(node);
    dark.addEventListener('change', make);
    return () => {
      sizes.disconnect();
      dark.removeEventListener('change', make);
      plot.current.destroy();
      plot.current = null;
    };
  }, []);
  useEffect(() => plot.current?.setData(data()));

  const last = (values) => format(values.at(-1) ?? 0);
  const said = lines.map(({ name, values }) => `${name} ${last(values)}`);
  return html`<section class="card plot">
    <header><h2>${title}</h2><ul class="legend">${lines.map((line) => html`
      <li><i class="swatch ${line.ink.slice(2)}"></i>${line.name}${' '}
        <b>${last(line.values)}</b></li>`)}</ul></header>
    <div class="canvas" role="img" ref=${box}
      aria-label=${`${title}, the last five minutes; now ${said.join(', ')}`}>
    </div></section>`;
}
