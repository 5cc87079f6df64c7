// What was asked for: through this console, and, where a daemon keeps such a list, by any other way.

import { useEffect, useState } from "../../vendor/hooks.js";
import { clock, count, place, when } from "../format.js";
import { html } from "../html.js";
import { command } from "../http.js";
import { state } from "../store.js";
import { Empty, PageHead, Scroll, Status } from "../ui.js";

const said = (properties) => Object.entries(properties ?? {}).map(([key, value]) => `${key} ${typeof value === "object" ? JSON.stringify(value) : value}`).join(", ");

function Elsewhere() {
  const [lists, setLists] = useState([]);
  const able = [...state.daemons.values()].filter((one) => one.state === "alive" && one.offers_plan);
  useEffect(() => {
    Promise.all(able.map((daemon) => command(daemon.id, "audit", { lines: 100 }).then((reply) => ({ daemon, actions: reply.actions ?? reply.entries ?? reply.lines ?? [] }), () => null)))
      .then((found) => setLists(found.filter(Boolean)));
  }, [able.map((one) => one.id).join(), state.actions.length]);
  return lists.map(({ daemon, actions }) => html`<section class="panel" key=${daemon.id}><header><h2>All that ${place(daemon.endpoint)} was asked</h2></header>
    ${actions.length === 0 ? html`<${Empty}>Nothing yet.<//>` : html`<${Scroll} label=${`Actions at ${daemon.endpoint}`}><table><caption class="visually-hidden">Actions at ${daemon.endpoint}</caption>
      <thead><tr><th scope="col">When</th><th scope="col">Action</th><th scope="col">With</th><th scope="col">By</th></tr></thead>
      <tbody>${actions.slice().sort((a, b) => (b.time ?? 0) - (a.time ?? 0)).map((one, at) => html`<tr key=${at}><td title=${when(one.time)}>${clock(one.time)}</td><td><strong>${one.command}</strong></td><td class="why">${said(one.properties) || one.subject}${one.allowed === false && html` <span class="error">refused</span>`}</td><td class="why">${one.who ?? ""}</td></tr>`)}</tbody></table><//>`}</section>`);
}

export function Audit() {
  const { actions } = state;
  return html`<${PageHead} title="Actions" sub=${`${count(actions.length, "action")} through this console since it started; its log has them for good`} />
    <section class="panel">${actions.length === 0 ? html`<${Empty}>Nobody asked for anything yet.<//>` : html`<${Scroll} label="Actions"><table><caption class="visually-hidden">Actions</caption>
      <thead><tr><th scope="col">When</th><th scope="col">Outcome</th><th scope="col">Action</th><th scope="col">With</th><th scope="col">By</th><th scope="col" class="mid">Daemon</th></tr></thead>
      <tbody>${actions.map((one) => html`<tr key=${one.number}><td title=${when(one.time)}>${clock(one.time)}</td><td><${Status} level=${one.outcome === "ok" ? "good" : "bad"} text=${one.outcome} /></td>
        <td><strong>${one.command}</strong></td><td class="why">${said(one.properties)}${one.reason && html`<div class="error">${one.reason}</div>`}</td><td class="why">${one.who}, ${one.address}</td><td class="cut mid">${place(one.endpoint)}</td></tr>`)}</tbody></table><//>`}</section>
    <${Elsewhere} />`;
}
