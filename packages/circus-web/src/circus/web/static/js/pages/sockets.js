// The sockets that the daemons hold: where, for whom, how often used.

import { Spark } from "../charts.js";
import { count, place } from "../format.js";
import { html } from "../html.js";
import { to } from "../router.js";
import { Rows } from "../rows.js";
import { state } from "../store.js";
import { Empty, PageHead } from "../ui.js";

export function Sockets() {
  const rows = [...state.daemons.values()].filter((one) => one.state === "alive")
    .flatMap((daemon) => daemon.sockets.map((socket) => ({ daemon, socket, key: `${daemon.id} ${socket.fd}` })));
  const several = state.daemons.size > 1;
  const title = (text, className) => html`<th scope="col" role="columnheader" class=${className}>${text}</th>`;
  const head = [title("Name", "c-socket"), title("Address", "main"), several && title("Daemon", "c-daemon huge"), title("Descriptor", "number c-count mid"),
    title("Backlog", "number c-count mid"), title("Handed to", "c-users"), title("Reads/s", "number c-cpu")];
  const cells = ({ daemon, socket }) => html`<td role="cell" class="name c-socket" title=${socket.name}>${socket.name}</td>
    <td role="cell" class="main"><code>${socket.path ?? `${socket.host}:${socket.port}`}</code></td>
    ${several && html`<td role="cell" class="cut c-daemon huge">${place(daemon.endpoint)}</td>`}<td role="cell" class="number c-count mid">${socket.fd}</td><td role="cell" class="number c-count mid">${socket.backlog}</td>
    <td role="cell" class="c-users" title=${socket.users.join(", ")}>${socket.users.filter((name) => daemon.watchers.has(name)).map((name, at) => html`${at ? ", " : ""}<a key=${name} href=${to.watcher(daemon.id, name)}>${name}</a>`)}</td>
    <td role="cell" class="number c-cpu">${Spark({ kind: "cpu", values: daemon.hitSparks.get(String(socket.fd))?.cpu, least: 5 })}${daemon.hits[socket.fd] ?? "–"}</td>`;
  return html`<${PageHead} title="Sockets" sub=${`${count(rows.length, "socket")} bound by Circus and handed to processes`} />
    <section class="panel">${rows.length ? html`<${Rows} label="Sockets" head=${head} rows=${rows} cells=${cells} />` : html`<${Empty}>No daemon holds a socket.<//>`}</section>`;
}
