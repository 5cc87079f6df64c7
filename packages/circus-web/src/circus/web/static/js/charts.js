// Live charts: uPlot for the large ones, one SVG path for the small ones in rows.

import { useEffect, useLayoutEffect, useRef } from "../vendor/hooks.js";
import uPlot from "../vendor/uplot.js";
import { bytes, percent } from "./format.js";
import { html } from "./html.js";

const KINDS = {
  cpu: { label: "CPU", format: percent, least: 5 },
  memory: { label: "Memory", format: bytes, least: 1024 * 1024 },
  hits: { label: "Reads", format: (value) => (value == null ? "–" : `${value}/s`), least: 5 },
};

const BINARY = Array.from({ length: 40 }, (_, at) => 2 ** (at + 8));

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function options(kind, width, height) {
  const hue = kind === "memory" ? "memory" : "cpu";
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--grid"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
  return {
    width, height, legend: { show: false }, cursor: { show: false }, padding: [6, 16, 0, 0],
    scales: { x: { time: false }, y: { range: (_, low, high) => [0, Math.max(KINDS[kind].least, high * 1.15)] } },
    series: [{}, { stroke: colour(`--${hue}`), fill: colour(`--${hue}-fill`), width: 1.6, points: { show: false } }],
    axes: [
      { ...axis, size: 22, values: (_, ticks) => ticks.map((tick) => (tick === 0 ? "now" : `${-Math.round(tick / 60 * 10) / 10} min`)), incrs: [60, 120], space: 50 },
      { ...axis, size: 58, values: (_, ticks) => ticks.map((tick) => KINDS[kind].format(tick)), space: 34, incrs: kind === "memory" ? BINARY : undefined },
    ],
  };
}

const series = (values) => {
  const shown = values.length < 2 ? [0, ...values, 0].slice(0, 2) : values;
  return [shown.map((_, at) => at - shown.length + 1), shown];
};

/** A chart of the last minutes, with its present value as text. */
export function Chart({ kind, values, value, label }) {
  const place = useRef(null);
  const plot = useRef(null);
  const { format } = KINDS[kind];
  useLayoutEffect(() => {
    const make = () => {
      plot.current?.destroy();
      plot.current = new uPlot(options(kind, place.current.clientWidth || 300, 132), series(values), place.current);
    };
    make();
    const seen = new ResizeObserver(() => plot.current?.setSize({ width: place.current.clientWidth, height: 132 }));
    seen.observe(place.current);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", make);
    addEventListener("themechange", make);
    return () => {
      seen.disconnect();
      scheme.removeEventListener("change", make);
      removeEventListener("themechange", make);
      plot.current?.destroy();
    };
  }, [kind]);
  useEffect(() => { plot.current?.setData(series(values)); });
  const known = values.filter((value) => value !== null);
  const highest = known.length ? Math.max(...known) : null;
  return html`<figure class="chart">
    <figcaption class="top"><span>${label ?? KINDS[kind].label}</span> <b>${format(value)}</b>
      <span>highest ${format(highest)}</span></figcaption>
    <div class="plot" ref=${place} role="img" aria-label=${`${label ?? KINDS[kind].label}: now ${format(value)}, highest ${format(highest)}, of the last ${Math.round(values.length / 60 * 10) / 10} minutes`}></div>
  </figure>`;
}

/** The last minute in a row, with a gap where nothing is known. Decorative: the figure stands beside it. */
export function Spark({ values, kind, least }) {
  if (!values || values.length < 2) return html`<svg class=${`spark ${kind}`} aria-hidden="true"></svg>`;
  const top = Math.max(least, ...values);
  const path = values.map((value, at) => value === null ? "" : `${(values[at - 1] ?? null) === null ? "M" : "L"}${((at + 60 - values.length) / 59 * 64).toFixed(1)} ${(19 - value / top * 18).toFixed(1)}`).join("");
  return html`<svg class=${`spark ${kind}`} viewBox="0 0 64 20" preserveAspectRatio="none" aria-hidden="true"><path d=${path} /></svg>`;
}
