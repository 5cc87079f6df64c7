// What all pages are made of.

import { useEffect, useLayoutEffect, useRef, useState } from "../vendor/hooks.js";
import { html } from "./html.js";
import { Icon, Sign } from "./icons.js";

const WORDS = { good: "", warn: "", bad: "", off: "", unknown: "" };

/** A state as form, colour and word. */
export const Status = ({ level, text }) => html`<span class=${`status ${level}`}><${Sign} level=${level} />${text ?? WORDS[level]}</span>`;

export function PageHead({ title, sub, crumbs, children }) {
  useEffect(() => { document.title = `${title} · Circus`; }, [title]);
  return html`<div class="head"><div>
    ${crumbs && html`<nav class="crumbs" aria-label="Where you are">${crumbs}</nav>`}
    <h1 tabindex="-1">${title}</h1>${sub && html`<p class="sub">${sub}</p>`}
  </div><div class="actions">${children}</div></div>`;
}

/** A region that scrolls and can be reached with the keyboard. */
export const Scroll = ({ label, children }) =>
  html`<div class="scroll" tabindex="0" role="region" aria-label=${label}>${children}</div>`;

/** A column's title that sorts by it. */
export function SortHead({ id, sort, setSort, children, number, className = "" }) {
  const mine = sort.id === id;
  return html`<th scope="col" role="columnheader" class=${`${number ? "number" : ""} ${className}`} aria-sort=${mine ? (sort.down ? "descending" : "ascending") : undefined}>
    <button class="plain" onClick=${() => setSort({ id, down: mine ? !sort.down : !!number })}>${children}${mine ? html` <span aria-hidden="true">${sort.down ? "↓" : "↑"}</span>` : ""}</button></th>`;
}

// -- toasts ---------------------------------------------------------------------------------------

let toasts = [];
let tell = () => {};

/** Say what became of an action, also to those who do not see it. The list of actions keeps it. */
export function toast(text, bad = false) {
  const one = { text, bad, key: Math.random() };
  toasts = [...toasts.slice(-3), one];
  tell();
  setTimeout(() => { toasts = toasts.filter((other) => other !== one); tell(); }, bad ? 12000 : 4500);
}

export function Toasts() {
  const [, render] = useState(0);
  useEffect(() => { tell = () => render((n) => n + 1); }, []);
  const shut = (one) => { toasts = toasts.filter((other) => other !== one); tell(); };
  return html`<div class="toasts" role="status" aria-live="polite">${toasts.map((one) => html`
    <div key=${one.key} class=${one.bad ? "toast bad" : "toast"}><span>${one.text}</span>
      <button class="plain small" onClick=${() => shut(one)} aria-label="Dismiss"><${Icon} name="close" size="12" /></button></div>`)}</div>`;
}

/** Do it, say so, and say why not if not. Gives whether it was done. */
export async function attempt(work, done) {
  try { await work(); if (done) toast(done); return true; }
  catch (error) { toast(error.message, true); return false; }
}

// -- dialogs --------------------------------------------------------------------------------------

/** A modal dialog: the browser keeps the focus in it, Escape closes it. */
export function Dialog({ title, children, footer, onClose }) {
  const node = useRef(null);
  useLayoutEffect(() => {
    const opener = document.activeElement;
    node.current.showModal();
    return () => opener?.focus?.();
  }, []);
  return html`<dialog ref=${node} aria-labelledby="dialog-title" onCancel=${(event) => { event.preventDefault(); onClose(); }}>
    <header><h2 id="dialog-title">${title}</h2></header><div class="body">${children}</div><footer>${footer}</footer></dialog>`;
}

let question = null;
let askAgain = () => {};

/** Ask before something that is hard to take back. */
export const confirm = (title, text, yes, danger = true) => new Promise((answer) => {
  question = { title, text, yes, danger, answer };
  askAgain();
});

export function Questions() {
  const [, render] = useState(0);
  useEffect(() => { askAgain = () => render((n) => n + 1); }, []);
  if (!question) return null;
  const end = (value) => { const { answer } = question; question = null; askAgain(); answer(value); };
  return html`<${Dialog} title=${question.title} onClose=${() => end(false)} footer=${html`
    <button onClick=${() => end(false)}>Cancel</button>
    <button class=${question.danger ? "danger" : "primary"} onClick=${() => end(true)}>${question.yes}</button>`}><p>${question.text}</p><//>`;
}

export const Empty = ({ children }) => html`<p class="empty">${children}</p>`;
