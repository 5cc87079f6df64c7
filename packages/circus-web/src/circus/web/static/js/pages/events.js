// Everything that happened since the console connected, of all daemons.

import { useState } from "../../vendor/hooks.js";
import { clock, count, place, when } from "../format.js";
import { html } from "../html.js";
import { Icon } from "../icons.js";
import { to } from "../router.js";
import { state } from "../store.js";
import { Empty, PageHead } from "../ui.js";

export function Events() {
  const [text, setText] = useState("");
  const [kind, setKind] = useState("");
  const [paused, setPaused] = useState(null);
  const now = [...state.daemons.values()].flatMap((daemon) => daemon.events.map((event) => ({ ...event, daemon })));
  const all = paused ?? now;
  const kinds = [...new Set(all.map((event) => event.event))].sort();
  const wanted = text.toLowerCase();
  const shown = all.filter((event) => (!kind || event.event === kind) && (!wanted || `${event.watcher} ${event.event} ${event.text}`.toLowerCase().includes(wanted)))
    .sort((a, b) => (b.time ?? 0) - (a.time ?? 0)).slice(0, 300);
  return html`<${PageHead} title="Events" sub=${`${count(all.length, "event")} since this console connected`} />
    <section class="panel"><div class="bar"><input type="search" placeholder="Filter events" aria-label="Filter events" value=${text} onInput=${(event) => setText(event.target.value)} />
      <select aria-label="Kind" value=${kind} onChange=${(event) => setKind(event.target.value)}><option value="">Every kind</option>${kinds.map((one) => html`<option key=${one} value=${one}>${one.replaceAll("_", " ")}</option>`)}</select>
      <button aria-pressed=${paused ? "true" : "false"} onClick=${() => setPaused(paused ? null : now)}><${Icon} name=${paused ? "start" : "pause"} />${paused ? `Go on${now.length > paused.length ? ` (${now.length - paused.length} new)` : ""}` : "Pause"}</button></div>
      ${shown.length === 0 ? html`<${Empty}>Nothing yet.<//>` : html`<ul class="feed">${shown.map((event) => html`<li key=${event.daemon.id + event.number}>
        <time title=${when(event.time)}>${clock(event.time)}</time><span class="who">${event.watcher ? html`<a href=${to.watcher(event.daemon.id, event.watcher)}>${event.watcher}</a>` : "circusd"}</span>
        <span class="text">${event.text}${state.daemons.size > 1 && html` <span class="note">· ${place(event.daemon.endpoint)}</span>`}</span></li>`)}</ul>`}
    </section>`;
}
