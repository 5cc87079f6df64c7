// One watcher: its processes, its log, its options, what became of it.

import { act, scale } from "../actions.js";
import { Chart } from "../charts.js";
import { ago, bytes, clock, count, exitWithAge, percent, place, span, stateWord, when } from "../format.js";
import { html } from "../html.js";
import { command } from "../http.js";
import { Icon } from "../icons.js";
import { go, to } from "../router.js";
import { state, useFocus } from "../store.js";
import { attempt, confirm, Empty, PageHead, Scroll, Status } from "../ui.js";
import { Log } from "./log.js";
import { Options } from "./options.js";
import { Process } from "./process.js";

const TABS = [["", "Processes"], ["log", "Log"], ["options", "Options"], ["history", "History"]];

export async function kill(daemon, name, pid) {
  const yes = await confirm(`Kill process ${pid}?`, `It gets SIGKILL and cannot clean up. ${name} starts a new one in its place.`, "Kill");
  if (yes) await attempt(() => command(daemon, "kill", { name, pid, signum: 9 }), `Process ${pid} is killed`);
}

export function Actions({ daemon, view }) {
  if (state.person?.role !== "operator") return null;
  const { name } = view;
  const stopped = view.state === "stopped";
  const known = daemon.state === "alive" && state.phase === "live";
  return html`
    ${stopped
      ? html`<button class="primary" disabled=${!known} onClick=${() => act(daemon.id, name, "start")}><${Icon} name="start" />Start</button>`
      : html`<button disabled=${!known} onClick=${() => act(daemon.id, name, "stop")}><${Icon} name="stop" />Stop</button>`}
    <button disabled=${!known} onClick=${() => act(daemon.id, name, "restart")}><${Icon} name="restart" />Restart</button>
    <button disabled=${!known || stopped} onClick=${() => act(daemon.id, name, "reload")}><${Icon} name="reload" />Reload</button>
    ${!view.singleton && html`<span class="buttons" role="group" aria-label="Number of processes">
      <button disabled=${!known} onClick=${() => scale(daemon.id, name, -1)} aria-label="One process less"><${Icon} name="minus" /></button>
      <button disabled=${!known} onClick=${() => scale(daemon.id, name, 1)} aria-label="One process more"><${Icon} name="plus" /></button></span>`}`;
}

function Processes({ daemon, view, detail }) {
  const may = state.person?.role === "operator";
  const figures = daemon.figures.get(view.name) ?? [null, null];
  const workers = detail?.workers ?? [];
  return html`
    <div class="grid">
      <section class="panel" aria-label="CPU"><${Chart} kind="cpu" values=${detail?.history.cpu ?? []} value=${figures[0]} /></section>
      <section class="panel" aria-label="Memory"><${Chart} kind="memory" values=${detail?.history.memory ?? []} value=${figures[1]} /></section>
    </div>
    <section class="panel"><header><h2>Processes</h2><span class="note">${view.running}${view.wanted != null ? ` of ${view.wanted}` : ""} run</span></header>
      ${detail?.lost_bytes > 0 && html`<p class="body error">${bytes(detail.lost_bytes)} of output are lost: ${detail.output_error}</p>`}
      ${workers.length === 0 ? html`<${Empty}>${view.state === "stopped" ? "It is stopped: nothing of it runs." : "No process runs."}<//>` : html`
      <${Scroll} label="Processes"><table><caption class="visually-hidden">Processes</caption><thead><tr>
        <th scope="col" class="mid">Worker</th><th scope="col">Pid</th><th scope="col" class="mid">State</th><th scope="col" class="number">CPU</th><th scope="col" class="number">Memory</th>
        <th scope="col" class="number">Age</th><th scope="col" class="number mid">Restarts</th><th scope="col" class="wide">Started for</th><th scope="col" class="mid">Last exit, or error</th><th scope="col"><span class="visually-hidden">Actions</span></th></tr></thead>
      <tbody>${workers.map((one) => html`<tr key=${`${one.wid} ${one.pid}`}>
        <td class="mid">${one.wid ?? "–"}</td>
        <td class="name">${one.pid ? html`<a href=${to.process(daemon.id, view.name, one.pid)}>${one.pid}</a>` : "–"}</td>
        <td class="mid state">${one.state}</td><td class="number">${percent(one.cpu)}</td><td class="number">${bytes(one.memory)}</td>
        <td class="number">${span(one.age)}</td><td class="number mid">${one.restarts}</td>
        <td class="why wide">${one.pid ? one.why ?? "" : ""}</td>
        <td class="why mid">${one.error ? html`<span class="error">${one.error}</span>` : one.last_exit ? exitWithAge(one.last_exit, state.now) : ""}</td>
        <td class="number">${may && one.pid && html`<button class="small danger" onClick=${() => kill(daemon.id, view.name, one.pid)} aria-label=${`Kill process ${one.pid}`}>Kill</button>`}</td></tr>`)}</tbody></table><//>`}
    </section>
    <${Exits} exits=${(detail?.exits ?? []).slice(0, 5)} />`;
}

const Exits = ({ exits }) => html`<section class="panel"><header><h2>Last exits</h2></header>
  ${exits.length === 0 ? html`<${Empty}>None known.<//>` : html`<${Scroll} label="Last exits"><table><caption class="visually-hidden">Last exits</caption>
    <thead><tr><th scope="col">When</th><th scope="col">Pid</th><th scope="col">How</th><th scope="col">Why</th><th scope="col" class="number mid">Ran for</th></tr></thead>
    <tbody>${exits.map((one, at) => html`<tr key=${`${one.time} ${at}`}><td title=${when(one.time)}>${clock(one.time)} <span class="note mid">${ago(one.time, state.now)}</span></td><td>${one.pid ?? "–"}</td>
      <td>${one.exit}</td><td><span class=${`tag ${["crash", "exit"].includes(one.why) ? "bad" : ""}`}>${one.why}</span></td><td class="number mid">${span(one.lifetime)}</td></tr>`)}</tbody></table><//>`}</section>`;

function History({ daemon, view, detail }) {
  const events = daemon.events.filter((event) => event.watcher === view.name);
  return html`<${Exits} exits=${detail?.exits ?? []} />
    <section class="panel"><header><h2>Events</h2></header>${events.length === 0 ? html`<${Empty}>Nothing since this console connected.<//>` : html`<ul class="feed">${events.map((event) => html`
      <li key=${event.number}><time title=${when(event.time)}>${clock(event.time)}</time><span class="who">${event.event.replaceAll("_", " ")}</span><span class="text">${event.text}</span></li>`)}</ul>`}</section>`;
}

async function remove(daemon, name) { if (await act(daemon.id, name, "rm")) go("/watchers"); }

export function Watcher({ daemon: id, name, tab, pid }) {
  const detail = useFocus(id, name);
  const daemon = state.daemons.get(id);
  const view = daemon?.watchers.get(name);
  const crumbs = html`<a href="/watchers">Watchers</a>${pid ? html` / <a href=${to.watcher(id, name)}>${name}</a>` : ""}`;
  if (!view) return html`<${PageHead} title=${name} crumbs=${crumbs} sub=${daemon ? "There is no such watcher any more." : "Its daemon is not connected."} />`;
  if (tab === "p" && pid) return html`<${Process} key=${pid} daemon=${daemon} view=${view} detail=${detail} pid=${pid} crumbs=${crumbs} />`;
  const body = { log: Log, options: Options, history: History }[tab] ?? Processes;
  return html`
    <${PageHead} title=${name} crumbs=${crumbs} sub=${html`<${Status} level=${view.level} text=${stateWord(view)} /> ${view.why || html`${count(view.running, "process", "processes")}`}
        ${" · "}${count(view.restarts, "restart")}${view.cmd ? html` · <code>${view.cmd}</code>` : ""}${state.daemons.size > 1 ? ` · ${place(daemon.endpoint)}` : ""}`}>
      <${Actions} daemon=${daemon} view=${view} />
      ${state.person?.role === "operator" && view.kind === "watcher" && html`<button class="danger" onClick=${() => remove(daemon, name)}>Remove</button>`}<//>
    <nav class="tabs" aria-label="About this watcher">${TABS.map(([id, text]) => html`<a key=${id} href=${to.watcher(daemon.id, name, id)} aria-current=${tab === id ? "page" : undefined}>${text}</a>`)}</nav>
    <${body} daemon=${daemon} view=${view} detail=${detail} />`;
}
