// The daemons: which are connected, which could be.

import { useState } from "../../vendor/hooks.js";
import { ago, clock, count, span } from "../format.js";
import { html } from "../html.js";
import { daemonPath, post } from "../http.js";
import { Icon } from "../icons.js";
import { blind, state } from "../store.js";
import { attempt, confirm, PageHead, Status } from "../ui.js";
import { Reload } from "./reload.js";

const STATE = { alive: ["good", "answers"], dead: ["bad", "does not answer"], connecting: ["unknown", "connecting…"] };

export function Daemons() {
  const [reloading, setReloading] = useState(null);
  const may = state.person?.role === "operator";
  const connect = (endpoint) => attempt(() => post("/api/endpoints/connect", { endpoint }), `Connecting to ${endpoint}`);
  const leave = async (daemon) => {
    if (await confirm(`Disconnect from ${daemon.endpoint}?`, "It goes on running. The console shows it no more until it is connected again.", "Disconnect"))
      await attempt(() => post(daemonPath(daemon.id, "disconnect")), `Disconnected from ${daemon.endpoint}`);
  };
  const add = async (event) => {
    event.preventDefault();
    const form = event.target;
    if (await connect(new FormData(form).get("endpoint").trim())) form.reset();
  };
  return html`<${PageHead} title="Daemons" sub=${`${count(state.daemons.size, "daemon")} connected`} />
    ${state.endpoints.map(({ id, endpoint }) => {
      const daemon = state.daemons.get(id);
      const [level, text] = daemon ? STATE[blind() ? "connecting" : daemon.state] : ["off", "not connected"];
      return html`<section class="panel" key=${id}><header><h2>${endpoint}</h2><${Status} level=${level} text=${text} />
        ${may && daemon?.state === "alive" && html`<button onClick=${() => setReloading(daemon)}><${Icon} name="reload" />Reload configuration</button>`}
        ${may && (daemon ? html`<button onClick=${() => leave(daemon)}>Disconnect</button>` : html`<button class="primary" onClick=${() => connect(endpoint)}>Connect</button>`)}</header>
        ${daemon && html`<div class="body">${daemon.state === "alive" ? html`<dl class="facts-list">
            <dt>Version</dt><dd>${daemon.version}</dd><dt>Pid</dt><dd>${daemon.pid}</dd><dt>Running for</dt><dd>${span(daemon.uptime)}</dd>
            <dt>Events</dt><dd><code>${daemon.pubsub_endpoint}</code></dd><dt>Figures</dt><dd>${daemon.stats_endpoint ? html`<code>${daemon.stats_endpoint}</code>` : "none: it runs without circusd-stats"}</dd>
            ${daemon.check_delay != null && html`<dt>check_delay</dt><dd>${daemon.check_delay} s</dd>`}
            ${!daemon.offers_logs && html`<dt>Not offered</dt><dd>Live logs, reload plans and reasons of exits: this daemon is older than version 1.</dd>`}</dl>`
          : html`<p>${daemon.reason || "Waiting for its first answer."} ${daemon.state === "dead" ? `Since ${clock(daemon.since)}, ${ago(daemon.since, state.now)}; trying again.` : ""}</p>`}</div>`}</section>`;
    })}
    ${may && html`<section class="panel"><header><h2>Connect another</h2></header><div class="body"><form class="actions" onSubmit=${add}>
      <input name="endpoint" required pattern="(tcp|ipc)://\\S+" placeholder="tcp://127.0.0.1:5555" aria-label="Endpoint" size="34" /><button>Connect</button></form>
      <p class="note">Only endpoints that circushttpd was started with (--endpoint, --allow-endpoint) can be connected to.</p></div></section>`}
    ${reloading && html`<${Reload} daemon=${reloading} onClose=${() => setReloading(null)} />`}`;
}
