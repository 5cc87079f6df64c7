// The sockets that the daemons hold: where, for whom, how often used.

import { Spark } from "../charts.js";
import { count, place } from "../format.js";
import { html } from "../html.js";
import { to } from "../router.js";
import { state } from "../store.js";
import { Empty, PageHead, Table } from "../ui.js";

export function Sockets() {
  const rows = [...state.daemons.values()].filter((one) => one.state === "alive").flatMap((daemon) => daemon.sockets.map((socket) => ({ daemon, socket })));
  const head = html`<tr><th scope="col">Name</th><th scope="col">Address</th><th scope="col" class="mid">Daemon</th><th scope="col" class="number mid">Descriptor</th><th scope="col" class="number mid">Backlog</th><th scope="col">Handed to</th><th scope="col" class="number">Reads a second</th></tr>`;
  const row = ({ daemon, socket }) => {
    const hits = daemon.hits[socket.fd];
    return html`<tr key=${daemon.id + socket.fd}><td class="name">${socket.name}</td><td><code>${socket.path ?? `${socket.host}:${socket.port}`}</code></td>
      <td class="cut mid">${place(daemon.endpoint)}</td><td class="number mid">${socket.fd}</td><td class="number mid">${socket.backlog}</td>
      <td>${socket.users.filter((name) => daemon.watchers.has(name)).map((name, at) => html`${at ? ", " : ""}<a key=${name} href=${to.watcher(daemon.id, name)}>${name}</a>`)}</td>
      <td class="number"><span class="figure"><${Spark} kind="cpu" values=${daemon.hitSparks.get(String(socket.fd))?.cpu} least=${5} />${hits ?? "–"}</span></td></tr>`;
  };
  return html`<${PageHead} title="Sockets" sub=${`${count(rows.length, "socket")} bound by Circus and handed to processes`} />
    <section class="panel">${rows.length ? html`<${Table} label="Sockets" head=${head} rows=${rows} row=${row} columns=${7} />` : html`<${Empty}>No daemon holds a socket.<//>`}</section>`;
}
