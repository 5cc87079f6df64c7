// A long table whose rows exist only where they are seen.
//
// Each row is a box of its own and of one height, placed by its number: scrolling adds and removes rows at the ends and
// lays out, draws and renders nothing else. The table keeps its roles by name, since it is no table to the layout.

import { useEffect, useLayoutEffect, useRef, useState } from "../vendor/hooks.js";
import { html } from "./html.js";

const ROW = 46; // as --row in theme.css
const STEP = 4; // rows that come and go together
const SPARE = 8; // rows that are ready before they are seen
const FAST = 12; // rows that pass between two frames: more than one can read
const REST = 80; // milliseconds without a jump after which rows are drawn in full

/** Which rows there are: the first, and the one after the last. */
function extent(node) {
  const first = Math.floor(node.scrollTop / ROW / STEP) * STEP;
  return { first: Math.max(0, first - SPARE), last: first + STEP + Math.ceil(node.clientHeight / ROW) + SPARE };
}

/** The extent, and whether it is passing by too fast to be read. */
function useExtent(box) {
  const [view, setView] = useState({ first: 0, last: 32, fast: false });
  useLayoutEffect(() => {
    const node = box.current;
    let asked = 0, rest = 0;
    const look = () => { asked ||= requestAnimationFrame(() => {
      asked = 0;
      const now = extent(node);
      setView((old) => {
        if (old.first === now.first && old.last === now.last) return old;
        const jump = Math.abs(now.first - old.first) >= FAST;
        if (jump) { clearTimeout(rest); rest = setTimeout(() => setView((one) => ({ ...one, fast: false })), REST); }
        return { ...now, fast: jump || old.fast };
      });
    }); };
    const size = new ResizeObserver(look);
    size.observe(node);
    node.addEventListener("scroll", look, { passive: true });
    return () => { size.disconnect(); node.removeEventListener("scroll", look); cancelAnimationFrame(asked); clearTimeout(rest); };
  }, []);
  return view;
}

/** The key of the row that has the focus: it stays, however far it is scrolled away, and the focus with it. */
function useFocused(box) {
  const focused = useRef(null);
  useEffect(() => {
    const node = box.current;
    const enter = (event) => { focused.current = event.target.closest("tr")?.dataset.key ?? null; };
    const leave = () => { focused.current = null; };
    node.addEventListener("focusin", enter);
    node.addEventListener("focusout", leave);
    return () => { node.removeEventListener("focusin", enter); node.removeEventListener("focusout", leave); };
  }, []);
  return focused;
}

/**
 * `cells` draws a row; where `fast`, only what tells it from others, until it comes to rest.
 * @param {{label: string, head: any, rows: {key: string}[], cells: (row: any, fast: boolean) => any, chosen?: Set<string>}} properties
 */
export function Rows({ label, head, rows, cells, chosen }) {
  const box = useRef(null);
  const view = useExtent(box);
  const focused = useFocused(box);
  const last = Math.min(rows.length, view.last);
  const first = Math.max(0, Math.min(view.first, last));
  // While only the place changes, a row that stays in sight is the same object, which costs nothing to draw again.
  const drawn = useRef({ rows: null, nodes: new Map() });
  if (drawn.current.rows !== rows || (drawn.current.fast && !view.fast)) drawn.current = { rows, nodes: new Map() };
  drawn.current.fast = view.fast;
  const { nodes } = drawn.current;
  const draw = (at) => {
    if (!nodes.has(at)) {
      const { key } = rows[at];
      nodes.set(at, html`<tr key=${key} data-key=${key} role="row" aria-rowindex=${at + 2} class=${chosen?.has(key) ? "chosen" : undefined}
        style=${{ top: `${at * ROW}px` }}>${cells(rows[at], view.fast)}</tr>`);
    }
    return nodes.get(at);
  };
  const kept = focused.current === null ? -1 : rows.findIndex((row) => row.key === focused.current);
  const shown = Array.from({ length: last - first }, (_, at) => first + at); // one list: a row that moved to another would be a new one
  if (kept >= 0 && kept < first) shown.unshift(kept);
  if (kept >= last) shown.push(kept);
  return html`<div class="scroll tall" ref=${box} tabindex="0" role="region" aria-label=${label}>
    <table class="rows" role="table" aria-label=${label} aria-rowcount=${rows.length + 1}>
      <thead role="rowgroup"><tr role="row" aria-rowindex="1">${head}</tr></thead>
      <tbody role="rowgroup" style=${{ height: `${rows.length * ROW}px` }}>
        ${shown.map(draw)}
      </tbody>
    </table></div>`;
}

/** Move the focus to the link of the next row, and the row into sight. */
export function step(by) {
  const rows = [...document.querySelectorAll("main tbody tr")].filter((row) => row.querySelector("td.name a"));
  const here = document.activeElement.closest?.("tr");
  const box = here?.closest(".scroll.tall");
  const number = Number(here?.getAttribute("aria-rowindex")) + by;
  const there = box && number ? rows.find((row) => Number(row.getAttribute("aria-rowindex")) === number)
    : rows[Math.max(0, Math.min(rows.length - 1, rows.indexOf(here) + by))];
  if (there) { there.querySelector("td.name a").focus(); return; }
  if (!box || number < 2 || number > Number(box.querySelector("table").getAttribute("aria-rowcount"))) return;
  box.scrollTop = (number - 4) * ROW; // its row is not drawn: it was scrolled away
  requestAnimationFrame(() => requestAnimationFrame(() => box.querySelector(`[aria-rowindex="${number}"] td.name a`)?.focus()));
}
