// Health at a glance: what needs somebody, then how the daemons are, then who is busy, then what happened.

import { Chart } from "../charts.js";
import { ago, bytes, clock, count, percent, place, span, stateWord, when } from "../format.js";
import { html } from "../html.js";
import { Icon, Sign } from "../icons.js";
import { act } from "../actions.js";
import { to } from "../router.js";
import { blind, state } from "../store.js";
import { Empty, PageHead, Scroll, Status } from "../ui.js";

/** Everything that is not well, worst first. */
export function troubles({ daemons }) {
  const found = [];
  for (const daemon of daemons.values()) {
    if (daemon.state === "dead") found.push({ level: "bad", daemon, why: daemon.reason });
    for (const view of daemon.watchers.values())
      if (view.level === "bad" || view.level === "warn") found.push({ level: view.level, daemon, view, why: view.why });
  }
  return found.sort((a, b) => (a.level === b.level ? 0 : a.level === "bad" ? -1 : 1));
}

function headline(found) {
  const bad = found.filter((one) => one.level === "bad").length;
  if (blind()) return ["unknown", "Nothing is known right now"];
  if (![...state.daemons.values()].some((one) => one.state !== "connecting") && state.daemons.size) return ["unknown", "Looking for the daemons…"];
  if (!state.daemons.size) return ["unknown", "No daemon is connected"];
  if (bad) return ["bad", `${bad === 1 ? "One thing needs" : `${bad} things need`} you`];
  if (found.length) return ["warn", found.length === 1 ? "One watcher is not there yet" : `${found.length} watchers are not there yet`];
  return ["good", "Everything runs"];
}

function Trouble({ one }) {
  const { daemon, view, why, level } = one;
  const several = state.daemons.size > 1;
  if (!view)
    return html`<li><div class="what"><${Status} level="bad" text="does not answer" /> <strong>${daemon.endpoint}</strong>
      <div class="why">${why} Since ${clock(daemon.since)}, ${ago(daemon.since, state.now)}.</div></div><a class="button" href="/daemons">Daemons</a></li>`;
  const exit = view.last_exit;
  return html`<li class=${level}><div class="what"><${Status} level=${level} text=${stateWord(view)} /> ${" "}
      <strong><a href=${to.watcher(daemon.id, view.name)}>${view.name}</a></strong>${several && html` <span class="note">on ${place(daemon.endpoint)}</span>`}
      <div class="why">${why}${exit ? ` ${why.toLowerCase().includes(exit.exit) ? "That was" : `Last: ${exit.exit},`} ${ago(exit.time, state.now)}.` : ""}</div></div>
    <div class="buttons"><a class="button" href=${to.watcher(daemon.id, view.name, "log")}><${Icon} name="log" />Log</a>
      ${state.person?.role === "operator" && html`<button onClick=${() => act(daemon.id, view.name, "restart")} aria-label=${`Restart ${view.name}`}><${Icon} name="restart" />Restart</button>`}</div></li>`;
}

function Daemon({ daemon }) {
  const levels = { good: 0, warn: 0, bad: 0, off: 0, unknown: 0 };
  let processes = 0;
  for (const view of daemon.watchers.values()) { levels[view.level] += 1; processes += view.running; }
  const words = { good: "run", warn: "not there yet", bad: "in trouble", off: "stopped", unknown: "unknown" };
  const alive = daemon.state === "alive" && state.phase === "live";
  return html`<section class=${`panel ${alive ? "" : "dead"}`} aria-label=${daemon.endpoint}>
    <div class="daemon">
      <h2>${place(daemon.endpoint)}</h2>
      <div class="facts">${alive
        ? html`circusd ${daemon.version} · pid ${daemon.pid} · up ${span(daemon.uptime)} · ${count(daemon.watchers.size, "watcher")}, ${count(processes, "process", "processes")}`
        : html`<${Status} level=${daemon.state === "connecting" ? "unknown" : "bad"} text=${daemon.state === "connecting" ? "connecting…" : `does not answer since ${clock(daemon.since)}`} />`}</div>
      <div class="stack" aria-hidden="true">${Object.entries(levels).filter(([, n]) => n).map(([level, n]) => html`<i key=${level} class=${level} style=${{ flex: n }}></i>`)}</div>
      <div class="legend">${Object.entries(levels).filter(([, n]) => n).map(([level, n]) => html`<${Status} key=${level} level=${level} text=${`${n} ${words[level]}`} />`)}</div>
    </div>
    ${alive && (daemon.stats
      ? html`<div class="charts"><${Chart} kind="cpu" values=${daemon.history.cpu} value=${daemon.total[0]} />
             <${Chart} kind="memory" values=${daemon.history.memory} value=${daemon.total[1]} /></div>`
      : html`<p class="empty">No figures: this daemon runs without circusd-stats. Set statsd = True.</p>`)}
    ${alive && daemon.own.length > 0 && html`<${Scroll} label=${`Circus itself at ${daemon.endpoint}`}><table><caption class="visually-hidden">Circus itself</caption>
      <thead><tr><th scope="col">Circus itself</th><th scope="col" class="number">CPU</th><th scope="col" class="number">Memory</th><th scope="col" class="number mid">Age</th></tr></thead>
      <tbody>${daemon.own.map((one) => html`<tr key=${one.pid}><td>${one.name} <span class="note">${one.pid}</span></td><td class="number">${percent(one.cpu)}</td><td class="number">${bytes(one.memory)}</td><td class="number mid">${span(one.age)}</td></tr>`)}</tbody></table><//>`}
  </section>`;
}

function Busiest() {
  const rows = [];
  for (const daemon of state.daemons.values())
    for (const [name, [cpu, memory]] of daemon.figures)
      if (cpu != null && daemon.watchers.has(name)) rows.push({ daemon, name, cpu, memory });
  rows.sort((a, b) => b.cpu - a.cpu || (b.memory ?? 0) - (a.memory ?? 0));
  return html`<section class="panel"><header><h2>Busiest</h2><a href="/watchers">All watchers</a></header>
    ${rows.length === 0 ? html`<${Empty}>No figures yet.<//>` : html`<${Scroll} label="Busiest watchers"><table><caption class="visually-hidden">Busiest watchers</caption>
      <thead><tr><th scope="col">Watcher</th><th scope="col" class="number">CPU</th><th scope="col" class="number">Memory</th></tr></thead>
      <tbody>${rows.slice(0, 10).map(({ daemon, name, cpu, memory }) => html`<tr key=${daemon.id + name}><td class="name"><a href=${to.watcher(daemon.id, name)}>${name}</a></td><td class="number">${percent(cpu)}</td><td class="number">${bytes(memory)}</td></tr>`)}</tbody></table><//>`}
  </section>`;
}

function Latest() {
  const events = [];
  for (const daemon of state.daemons.values()) for (const event of daemon.events.slice(0, 10)) events.push({ daemon, ...event });
  events.sort((a, b) => (b.time ?? 0) - (a.time ?? 0));
  return html`<section class="panel"><header><h2>Latest events</h2><a href="/events">All events</a></header>
    ${events.length === 0 ? html`<${Empty}>Nothing happened since this console connected.<//>` : html`<ul class="feed">${events.slice(0, 8).map((event) => html`
      <li key=${event.daemon.id + event.number}><time title=${when(event.time)}>${clock(event.time)}</time>
        <span class="who">${event.watcher ? html`<a href=${to.watcher(event.daemon.id, event.watcher)}>${event.watcher}</a>` : "circusd"}</span><span class="text">${event.text}</span></li>`)}</ul>`}
  </section>`;
}

export function Overview() {
  const found = troubles(state);
  const [level, title] = headline(found);
  let processes = 0, restarts = 0, watchers = 0, cpu = null, memory = null;
  for (const daemon of state.daemons.values()) {
    for (const view of daemon.watchers.values()) { watchers += 1; processes += view.running; restarts += view.restarts; }
    if (daemon.total[0] != null) cpu = (cpu ?? 0) + daemon.total[0];
    if (daemon.total[1] != null) memory = (memory ?? 0) + daemon.total[1];
  }
  return html`<div class="headline"><span class=${`sign ${level} status`}><${Sign} level=${level} /></span><${PageHead} title=${title} sub=${`${count(state.daemons.size, "daemon")}, as of ${clock(state.now)}`} /></div>
    ${found.length > 0 && html`<section class="panel" aria-label="What needs somebody"><ul class="trouble">${found.slice(0, 12).map((one) => html`<${Trouble} key=${one.daemon.id + (one.view?.name ?? "")} one=${one} />`)}</ul>
      ${found.length > 12 && html`<p class="empty"><a href="/watchers">${found.length - 12} more</a></p>`}</section>`}
    <dl class="tiles">
      <div class="tile"><dt>Daemons</dt><dd>${blind() ? "–" : [...state.daemons.values()].filter((one) => one.state === "alive").length}<small> of ${state.daemons.size}</small></dd></div>
      <div class="tile"><dt>Watchers</dt><dd>${blind() ? "–" : watchers}</dd></div>
      <div class="tile"><dt>Processes</dt><dd>${blind() ? "–" : processes}</dd></div>
      <div class="tile"><dt>CPU</dt><dd>${percent(cpu)}</dd></div>
      <div class="tile"><dt>Memory</dt><dd>${bytes(memory)}</dd></div>
      <div class="tile"><dt>Restarts</dt><dd>${blind() ? "–" : restarts}</dd></div>
    </dl>
    <div class="grid two"><div class="column">${[...state.daemons.values()].map((daemon) => html`<${Daemon} key=${daemon.id} daemon=${daemon} />`)}<${Latest} /></div><div class="column"><${Busiest} /></div></div>`;
}
