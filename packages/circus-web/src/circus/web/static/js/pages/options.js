// The options of a watcher, each with what it means and what a change takes; edited in place.

import { useEffect, useState } from "../../vendor/hooks.js";
import { html } from "../html.js";
import { command, daemonPath, get } from "../http.js";
import { state } from "../store.js";
import { attempt, Empty } from "../ui.js";

let kinds = null;
/** What options there are; asked for once. */
export async function optionKinds() { return (kinds ??= new Map((await get("/api/options")).map((one) => [one.name, one]))); }

const CHANGE = { live: ["good", "at once"], reload: ["warn", "replaces processes"], restart: ["off", "at the next start"] };

const shown = (value) => (value == null || value === "" ? "–" : typeof value === "object" ? JSON.stringify(value, null, 1).replace(/\n\s*/g, " ") : String(value));
const same = (a, b) => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);

/** The value that was typed, as the type that the option has. */
export function parse(text, kind, old) {
  if (text === "") return typeof old === "string" ? "" : null;
  if (kind?.type === "boolean" || typeof old === "boolean") return text === "true";
  if (kind?.type === "integer" || kind?.type === "number" || typeof old === "number") {
    if (Number.isNaN(Number(text))) throw new Error(`${text} is not a number.`);
    return Number(text);
  }
  if (kind?.type === "object" || (old && typeof old === "object")) {
    try { return JSON.parse(text); } catch { throw new Error("This is not JSON."); }
  }
  return text;
}

/** A field that keeps what is typed: the page is drawn anew each second, and only a `value` would be put back. */
export function Field({ kind, value, name, label }) {
  const text = value == null ? "" : typeof value === "object" ? JSON.stringify(value, null, 2) : String(value);
  if (kind?.type === "boolean" || typeof value === "boolean")
    return html`<select name=${name} aria-label=${label}><option value="true" selected=${value === true}>true</option><option value="false" selected=${value !== true}>false</option></select>`;
  if (kind?.type.includes("|"))
    return html`<select name=${name} aria-label=${label}>${kind.type.split("|").map((one) => html`<option key=${one} value=${one} selected=${one === value}>${one}</option>`)}</select>`;
  if (kind?.type === "object" || (value && typeof value === "object")) return html`<textarea name=${name} aria-label=${label} spellcheck="false" defaultValue=${text}></textarea>`;
  return html`<input name=${name} aria-label=${label} defaultValue=${text} spellcheck="false" autocomplete="off" />`;
}

function Option({ daemon, view, name, value, kind, onDone }) {
  const [editing, setEditing] = useState(false);
  const [level, takes] = CHANGE[kind?.change ?? "live"];
  const save = async (event) => {
    event.preventDefault();
    const text = new FormData(event.target).get("value");
    const done = await attempt(() => command(daemon.id, "set", { name: view.name, options: { [name]: parse(text, kind, value) } }), `${name} is changed`);
    if (done) { setEditing(false); onDone(); }
  };
  return html`<div class="option"><div><strong>${name}</strong> <span class=${`tag ${level}`}>${takes}</span></div>
    ${editing
      ? html`<form onSubmit=${save}><${Field} kind=${kind} value=${value} name="value" label=${`New value of ${name}`} /><button class="primary">Save</button><button type="button" onClick=${() => setEditing(false)}>Cancel</button></form>`
      : html`<div class="value">${shown(value)}${kind?.unit && value != null ? ` ${kind.unit}` : ""}</div>`}
    ${state.person?.role === "operator" && !editing ? html`<button class="small" onClick=${() => setEditing(true)} aria-label=${`Edit ${name}`}>Edit</button>` : html`<span></span>`}
    ${kind?.doc && html`<div class="doc">${kind.doc}</div>`}</div>`;
}

export function Options({ daemon, view }) {
  const [options, setOptions] = useState(null);
  const [known, setKnown] = useState(new Map());
  const [text, setText] = useState("");
  const [error, setError] = useState("");
  const load = () => get(daemonPath(daemon.id, "watchers", view.name, "options")).then((reply) => { setOptions(reply.options); setError(""); }).catch((problem) => setError(problem.message));
  useEffect(() => { optionKinds().then(setKnown, () => {}); load(); }, [daemon.id, view.name, daemon.state, view.wanted]);
  if (error) return html`<section class="panel"><${Empty}>${error}<//></section>`;
  if (!options || !known.size) return html`<section class="panel"><${Empty}>Asking…<//></section>`;
  const names = Object.keys(options).filter((name) => !name.startsWith("__") && (!text || name.includes(text.toLowerCase()) || known.get(name)?.doc.toLowerCase().includes(text.toLowerCase())));
  const isSet = (name) => name === "cmd" || name === "numprocesses" || !same(options[name], known.get(name)?.default);
  const row = (name) => html`<${Option} key=${name} daemon=${daemon} view=${view} name=${name} value=${options[name]} kind=${known.get(name)} onDone=${load} />`;
  const [mine, rest] = [names.filter(isSet), names.filter((name) => !isSet(name))];
  const hooks = options.hooks && Object.keys(options.hooks).length;
  return html`<section class="panel"><div class="bar"><input type="search" placeholder="Filter options" aria-label="Filter options" value=${text} onInput=${(event) => setText(event.target.value)} />
      <span class="note">${hooks ? `${hooks} hooks · ` : ""}sockets: ${view.use_sockets === true ? "all" : view.use_sockets ? String(view.use_sockets) : "none"}</span></div>
    <header><h2>Set here</h2></header>${mine.length ? mine.map(row) : html`<${Empty}>Nothing.<//>`}
    <header><h2>At their defaults</h2></header>${rest.length ? rest.map(row) : html`<${Empty}>Nothing.<//>`}</section>`;
}
