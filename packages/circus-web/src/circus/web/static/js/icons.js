// Small drawings, all on a 16 by 16 grid, all decorative: the text beside them says the same.
import { html } from "./html.js";

const PATHS = {
  overview: "M2 9.5 8 3l6 6.5M4 8v5.5h8V8",
  watchers: "M2.5 4h11M2.5 8h11M2.5 12h11",
  sockets: "M5 2.5v4M11 2.5v4M3.5 6.5h9v2a4.5 4.5 0 0 1-9 0zM8 13v1.5",
  plugins: "M6 3a2 2 0 1 1 4 0h3v4a2 2 0 1 0 0 3.5V14H3V3z",
  events: "M2 8h3l2-5 3 10 2-5h2.5",
  audit: "M4 2.5h8v11H4zM6.5 6h3M6.5 9h3",
  daemons: "M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.01M5 11h.01",
  start: "M5 3.5v9l7.5-4.5z",
  stop: "M4 4h8v8H4z",
  restart: "M13 8a5 5 0 1 1-1.6-3.7M13 2v3h-3",
  reload: "M3 6.5A5 5 0 0 1 12.5 5M13 2.5V5.5h-3M13 9.5A5 5 0 0 1 3.5 11M3 13.5v-3h3",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  log: "M3 3.5h10M3 6.5h7M3 9.5h10M3 12.5h5",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  download: "M8 2.5v8M4.5 7.5 8 11l3.5-3.5M3 13.5h10",
  close: "M4 4l8 8M12 4l-8 8",
  theme: "M8 2.5a5.5 5.5 0 1 0 0 11zM8 2.5a5.5 5.5 0 0 1 0 11",
  out: "M9.5 3H3.5v10h6M7 8h7M11.5 5.5 14 8l-2.5 2.5",
  help: "M5.7 6a2.3 2.3 0 1 1 3.3 2c-.7.4-1 .8-1 1.6M8 12.5h.01",
};

export const Icon = ({ name, size = 16 }) => html`<svg width=${size} height=${size} viewBox="0 0 16 16" fill="none"
  stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d=${PATHS[name]} /></svg>`;

// A form each, so that no state is told by colour alone.
const SIGNS = {
  good: html`<circle cx="6" cy="6" r="4.5" />`,
  warn: html`<path d="M6 1 11.5 11H.5z" />`,
  bad: html`<path d="M3.5 1h5L11 3.5v5L8.5 11h-5L1 8.5v-5z" />`,
  off: html`<circle cx="6" cy="6" r="3.8" fill="none" stroke="currentColor" stroke-width="1.6" />`,
  unknown: html`<path d="M2 6h8" stroke="currentColor" stroke-width="2" stroke-linecap="round" />`,
};
export const Sign = ({ level }) => html`<svg viewBox="0 0 12 12" fill="currentColor" aria-hidden="true">${SIGNS[level]}</svg>`;
