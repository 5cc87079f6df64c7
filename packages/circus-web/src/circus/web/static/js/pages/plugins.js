// Plugins, and what Circus runs for itself: figures, state, and a light to turn.

import { act } from "../actions.js";
import { Spark } from "../charts.js";
import { bytes, percent, place, stateWord } from "../format.js";
import { html } from "../html.js";
import { Icon } from "../icons.js";
import { to } from "../router.js";
import { state } from "../store.js";
import { Empty, PageHead, Scroll, Status } from "../ui.js";

/** A plugin can be stopped and started; what carries the console itself cannot be from here. */
function Buttons({ daemon, view }) {
  if (state.person?.role !== "operator" || view.kind !== "plugin") return null;
  const name = view.name.replace(/^plugin:/, "");
  const button = (verb, word) => html`<button class="plain" onClick=${() => act(daemon.id, view.name, verb)} aria-label=${`${word} ${name}`}><${Icon} name=${verb} /></button>`;
  return html`<span class="buttons">${view.state === "stopped" ? button("start", "Start") : button("stop", "Stop")}${button("restart", "Restart")}</span>`;
}

export function Plugins() {
  const several = state.daemons.size > 1;
  const rows = [...state.daemons.values()].flatMap((daemon) => [...daemon.watchers.values()].filter((view) => view.kind !== "watcher").map((view) => ({ daemon, view })));
  const row = ({ daemon, view }) => {
    const own = daemon.own.find((one) => one.name === view.name);
    const [cpu, memory] = daemon.figures.get(view.name) ?? [null, null];
    return html`<tr key=${daemon.id + view.name}><td><${Status} level=${view.level} text=${stateWord(view)} /></td>
      <td class="name main"><a href=${to.watcher(daemon.id, view.name)}>${view.name.replace(/^plugin:/, "")}</a>${view.why && html`<div class="under" title=${view.why}>${view.why}</div>`}</td>
      ${several && html`<td class="cut mid">${place(daemon.endpoint)}</td>`}
      <td class="number"><span class="figure"><${Spark} kind="cpu" values=${daemon.sparks.get(view.name)?.cpu} least=${10} />${percent(cpu ?? own?.cpu)}</span></td><td class="number mid">${bytes(memory ?? own?.memory)}</td>
      <td class="number"><${Buttons} daemon=${daemon} view=${view} /></td></tr>`;
  };
  return html`<${PageHead} title="Plugins" sub="Plugins, and what Circus runs for itself" />
    <section class="panel">${rows.length ? html`<${Scroll} label="Plugins"><table><caption class="visually-hidden">Plugins</caption>
      <thead><tr><th scope="col">Status</th><th scope="col" class="main">Name</th>${several && html`<th scope="col" class="mid">Daemon</th>`}<th scope="col" class="number">CPU</th><th scope="col" class="number mid">Memory</th><th scope="col"><span class="visually-hidden">Actions</span></th></tr></thead>
      <tbody>${rows.map(row)}</tbody></table><//>` : html`<${Empty}>No plugin is configured.<//>`}</section>`;
}
