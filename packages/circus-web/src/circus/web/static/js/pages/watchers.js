// All watchers of all daemons, one list.

import { useState } from "../../vendor/hooks.js";
import { act, actOnMany, scale } from "../actions.js";
import { Spark } from "../charts.js";
import { bytes, count, exitWithAge, percent, place, stateWord, when } from "../format.js";
import { html } from "../html.js";
import { Icon } from "../icons.js";
import { to } from "../router.js";
import { Rows } from "../rows.js";
import { state } from "../store.js";
import { Empty, PageHead, SortHead, Status } from "../ui.js";
import { Reload } from "./reload.js";

const ORDER = { bad: 0, warn: 1, unknown: 2, good: 3, off: 4 };
const KEYS = {
  name: (row) => row.view.name,
  level: (row) => `${ORDER[row.view.level]} ${row.view.name}`,
  running: (row) => row.view.running,
  cpu: (row) => row.figures[0] ?? -1,
  memory: (row) => row.figures[1] ?? -1,
  restarts: (row) => row.view.restarts,
};

function chooseRows({ text, daemon, level, system }) {
  const rows = [];
  const wanted = text.toLowerCase();
  for (const one of state.daemons.values()) {
    if (daemon && one.id !== daemon) continue;
    for (const view of one.watchers.values()) {
      if (!system && view.kind !== "watcher") continue;
      if (level === "trouble" ? view.level !== "bad" && view.level !== "warn" : level && view.level !== level) continue;
      if (wanted && !view.name.toLowerCase().includes(wanted) && !view.cmd.toLowerCase().includes(wanted) && !view.state.includes(wanted)) continue;
      rows.push({ daemon: one, view, figures: one.figures.get(view.name) ?? [null, null, null], spark: one.sparks.get(view.name), key: `${one.id} ${view.name}` });
    }
  }
  return rows;
}

function order(rows, { id, down }) {
  const key = KEYS[id];
  const turn = down ? -1 : 1;
  return rows.sort((a, b) => { const x = key(a), y = key(b); return (x < y ? -1 : x > y ? 1 : a.view.name < b.view.name ? -1 : 1) * turn; });
}

/** The line below a name: what is wrong, else what ended lately, else what runs. */
function under(view) {
  if (view.why) return view.why;
  const exit = view.last_exit;
  if (exit && state.now - exit.time < 3600) return exitWithAge(exit, state.now);
  return view.cmd;
}

export function Watchers() {
  const [filter, setFilter] = useState({ text: new URLSearchParams(location.search).get("q") ?? "", daemon: "", level: "", system: false });
  const [sort, setSort] = useState({ id: "level", down: false });
  const [chosen, setChosen] = useState(new Set());
  const [reloading, setReloading] = useState(null);
  const rows = order(chooseRows(filter), sort);
  const several = state.daemons.size > 1;
  const present = rows.filter((row) => chosen.has(row.key));
  const may = state.person?.role === "operator";
  const wide = matchMedia("(min-width: 1501px)").matches;
  const set = (name) => (event) => setFilter({ ...filter, [name]: event.target.type === "checkbox" ? event.target.checked : event.target.value });
  const flip = (key) => { const next = new Set(chosen); if (!next.delete(key)) next.add(key); setChosen(next); };
  const all = rows.length > 0 && present.length === rows.length;
  const many = (verb) => actOnMany(present.map((row) => [row.daemon.id, row.view.name]), verb);

  const head = html`
    ${may && html`<th scope="col" role="columnheader" class="c-choose narrow"><input type="checkbox" aria-label="Choose all" checked=${all} onChange=${() => setChosen(new Set(all ? [] : rows.map((row) => row.key)))} /></th>`}
    <${SortHead} id="level" sort=${sort} setSort=${setSort} className="c-status">Status<//>
    <${SortHead} id="name" sort=${sort} setSort=${setSort} className="main">Name<//>
    ${several && html`<th scope="col" role="columnheader" class="c-daemon huge">Daemon</th>`}
    <${SortHead} id="running" sort=${sort} setSort=${setSort} number=${true} className="c-count">Processes<//>
    <${SortHead} id="cpu" sort=${sort} setSort=${setSort} number=${true} className="c-cpu">CPU<//>
    <${SortHead} id="memory" sort=${sort} setSort=${setSort} number=${true} className="c-memory mid">Memory<//>
    <${SortHead} id="restarts" sort=${sort} setSort=${setSort} number=${true} className="c-count mid">Restarts<//>
    <th scope="col" role="columnheader" class="c-actions narrow"><span class="visually-hidden">Actions</span></th>`;

  // Functions rather than components: a row is made in the time of a frame, with many others.
  const cells = ({ daemon, view, figures, spark, key }, fast) => html`
    ${may && html`<td role="cell" class="c-choose narrow"><input type="checkbox" aria-label=${`Choose ${view.name}`} checked=${chosen.has(key)} onChange=${() => flip(key)} /></td>`}
    <td role="cell" class="c-status">${Status({ level: view.level, text: stateWord(view) })}</td>
    <td role="cell" class="name main"><a href=${to.watcher(daemon.id, view.name)} title=${view.cmd}>${view.name}</a>
      <div class="under" title=${view.why || (view.last_exit ? when(view.last_exit.time) : undefined)}>${under(view)}${several && html`<span class="lean"> · ${place(daemon.endpoint)}</span>`}</div></td>
    ${several && html`<td role="cell" class="cut c-daemon huge">${place(daemon.endpoint)}</td>`}
    <td role="cell" class="number c-count">${view.level === "unknown" ? "–" : html`${view.running}${view.wanted != null && html`<span class="note"> / ${view.wanted}</span>`}`}</td>
    <td role="cell" class="number c-cpu">${!fast && Spark({ kind: "cpu", values: spark?.cpu, least: 10 })}${percent(figures[0])}</td>
    <td role="cell" class="number c-memory mid">${wide && !fast && Spark({ kind: "memory", values: spark?.memory, least: 1e7 })}${bytes(figures[1])}</td>
    <td role="cell" class="number c-count mid">${view.restarts}</td>
    <td role="cell" class="c-actions narrow">${!fast && html`
      <a class="button plain" href=${to.watcher(daemon.id, view.name, "log")} aria-label=${`Log of ${view.name}`}>${Icon({ name: "log" })}</a>
      ${may && (view.state === "stopped"
        ? html`<button class="plain" onClick=${() => act(daemon.id, view.name, "start")} aria-label=${`Start ${view.name}`}>${Icon({ name: "start" })}</button>`
        : html`<button class="plain" onClick=${() => act(daemon.id, view.name, "stop")} aria-label=${`Stop ${view.name}`}>${Icon({ name: "stop" })}</button>`)}
      ${may && html`<button class="plain mid" onClick=${() => act(daemon.id, view.name, "restart")} aria-label=${`Restart ${view.name}`}>${Icon({ name: "restart" })}</button>`}
      ${may && !view.singleton && html`<button class="plain mid" onClick=${() => scale(daemon.id, view.name, 1)} aria-label=${`One more process for ${view.name}`}>${Icon({ name: "plus" })}</button>`}`}</td>`;

  return html`<${PageHead} title="Watchers" sub=${`${count(rows.length, "watcher")} shown`}>
      ${may && html`<button onClick=${() => setReloading([...state.daemons.values()].find((one) => one.state === "alive"))} disabled=${![...state.daemons.values()].some((one) => one.state === "alive")}><${Icon} name="reload" />Reload configuration</button>
      <a class="button" href="/add"><${Icon} name="plus" />Add watcher</a>`}<//>
    <section class="panel">
      <div class="bar">
        <input type="search" placeholder="Filter by name, command or state" aria-label="Filter watchers" value=${filter.text} onInput=${set("text")} />
        <select aria-label="State" value=${filter.level} onChange=${set("level")}>
          <option value="">Every state</option><option value="trouble">Not well</option><option value="good">Running</option><option value="off">Stopped</option></select>
        ${several && html`<select aria-label="Daemon" value=${filter.daemon} onChange=${set("daemon")}><option value="">Every daemon</option>
          ${[...state.daemons.values()].map((one) => html`<option key=${one.id} value=${one.id}>${place(one.endpoint)}</option>`)}</select>`}
        <label class="tick"><input type="checkbox" checked=${filter.system} onChange=${set("system")} />Plugins and Circus itself</label>
      </div>
      ${present.length > 0 && html`<div class="bar bulk" role="group" aria-label="What to do with those chosen"><strong>${present.length} chosen</strong>
        <button onClick=${() => many("start")}><${Icon} name="start" />Start</button>
        <button onClick=${() => many("stop")}><${Icon} name="stop" />Stop</button>
        <button onClick=${() => many("restart")}><${Icon} name="restart" />Restart</button>
        <button onClick=${() => many("reload")}><${Icon} name="reload" />Reload</button>
        <button onClick=${() => many("incr")}><${Icon} name="plus" />One more</button>
        <button onClick=${() => many("decr")}><${Icon} name="minus" />One less</button>
        <span class="fill"></span><button class="plain" onClick=${() => setChosen(new Set())}>Choose none</button></div>`}
      ${rows.length ? html`<${Rows} label="Watchers" head=${head} rows=${rows} cells=${cells} chosen=${chosen} />` : html`<${Empty}>No watcher fits. ${filter.text ? "Change the filter." : ""}<//>`}
    </section>
    ${reloading && html`<${Reload} daemon=${reloading} onClose=${() => setReloading(null)} />`}`;
}
