// Plugins, and what Circus runs for itself.

import { Spark } from "../charts.js";
import { bytes, percent, place, stateWord } from "../format.js";
import { html } from "../html.js";
import { to } from "../router.js";
import { state } from "../store.js";
import { Empty, PageHead, Status, Table } from "../ui.js";
import { Actions } from "./watcher.js";

export function Plugins() {
  const rows = [...state.daemons.values()].flatMap((daemon) => [...daemon.watchers.values()].filter((view) => view.kind !== "watcher").map((view) => ({ daemon, view })));
  const head = html`<tr><th scope="col">Status</th><th scope="col">Name</th><th scope="col" class="mid">Daemon</th><th scope="col" class="number">CPU</th><th scope="col" class="number">Memory</th><th scope="col"><span class="visually-hidden">Actions</span></th></tr>`;
  const row = ({ daemon, view }) => {
    const own = daemon.own.find((one) => one.name === view.name);
    const [cpu, memory] = daemon.figures.get(view.name) ?? [null, null];
    return html`<tr key=${daemon.id + view.name}><td><${Status} level=${view.level} text=${stateWord(view)} /></td>
      <td class="name"><a href=${to.watcher(daemon.id, view.name)}>${view.name.replace(/^plugin:/, "")}</a></td><td class="cut mid">${place(daemon.endpoint)}</td>
      <td class="number"><span class="figure"><${Spark} kind="cpu" values=${daemon.sparks.get(view.name)?.cpu} least=${10} />${percent(cpu ?? own?.cpu)}</span></td><td class="number">${bytes(memory ?? own?.memory)}</td>
      <td class="number"><span class="buttons">${view.kind === "plugin" && html`<${Actions} daemon=${daemon} view=${{ ...view, singleton: true }} />`}</span></td></tr>`;
  };
  return html`<${PageHead} title="Plugins" sub="Plugins, and what Circus runs for itself" />
    <section class="panel">${rows.length ? html`<${Table} label="Plugins" head=${head} rows=${rows} row=${row} columns=${6} />` : html`<${Empty}>No plugin is configured.<//>`}</section>`;
}
