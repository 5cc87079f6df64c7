// The live log of a watcher: filter, pause, download. Lines of dead processes stay.

import { useEffect, useLayoutEffect, useRef, useState } from "../../vendor/hooks.js";
import { plain } from "../format.js";
import { html } from "../html.js";
import { Icon } from "../icons.js";
import { blind, follow, lines as held } from "../store.js";
import { Empty } from "../ui.js";

const SHOWN = 1500;

const stamp = (time) => { const date = new Date(time * 1000); return `${date.toLocaleTimeString([], { hour12: false })}.${String(date.getMilliseconds()).padStart(3, "0")}`; };

function Text({ text, wanted }) {
  if (!wanted) return text;
  const at = text.toLowerCase().indexOf(wanted);
  return at < 0 ? text : html`${text.slice(0, at)}<mark>${text.slice(at, at + wanted.length)}</mark>${text.slice(at + wanted.length)}`;
}

let numbered = 0;

/** A line as it is drawn; made once for each filter, so that a thousand lines cost nothing when one more comes. */
function drawn(line, wanted) {
  if (line.drawn && line.drawnFor === wanted) return line.drawn;
  line.number ??= (numbered += 1);
  line.drawnFor = wanted;
  return (line.drawn = line.mark ? html`<div class="mark" key=${line.number}>${line.mark}</div>` : html`
    <div class=${`line ${line.stream}`} key=${line.number}><time>${stamp(line.time)}</time><span class="pid" title=${`worker ${line.wid}`}>${line.pid}</span>
      <span class="text">${line.stream === "stderr" && html`<span class="visually-hidden">stderr: </span>`}<${Text} text=${plain(line.data)} wanted=${wanted} /></span></div>`);
}

function download(name, chosen) {
  const text = chosen.filter((line) => !line.mark).map((line) => `${new Date(line.time * 1000).toISOString()} ${line.pid} ${line.stream} ${plain(line.data)}\n`).join("");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  link.download = `${name.replace(/[^\w.-]+/g, "_")}.log`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

export function Log({ daemon, view, detail }) {
  const [, render] = useState(0);
  const [status, setStatus] = useState(null);
  const [filter, setFilter] = useState({ text: "", stream: "", pid: new URLSearchParams(location.search).get("pid") ?? "" });
  const [paused, setPaused] = useState(null); // the lines as they were when it was paused
  const box = useRef(null);
  const atEnd = useRef(true);
  useEffect(() => {
    let asked = 0;
    const stop = follow(daemon.id, view.name, {
      lines() { asked ||= requestAnimationFrame(() => { asked = 0; render((n) => n + 1); }); },
      following: setStatus,
    });
    return () => { stop(); cancelAnimationFrame(asked); };
  }, [daemon.id, view.name]);
  const wanted = filter.text.toLowerCase();
  const all = (paused ?? held.kept).filter((line) => line.mark || ((!filter.stream || line.stream === filter.stream)
    && (!filter.pid || String(line.pid) === filter.pid) && (!wanted || plain(line.data).toLowerCase().includes(wanted))));
  const shown = all.slice(-SHOWN);
  useLayoutEffect(() => { if (atEnd.current && box.current) box.current.scrollTop = box.current.scrollHeight; });
  const pids = [...new Set([...held.kept.map((line) => line.pid).filter(Boolean), ...(filter.pid ? [Number(filter.pid)] : [])])];
  const alive = new Set((detail?.workers ?? []).map((one) => one.pid));
  const set = (name) => (event) => { atEnd.current = true; setFilter({ ...filter, [name]: event.target.value }); };
  const waiting = paused ? held.kept.length - paused.length : 0;
  if (status && !status.ok) return html`<section class="panel"><${Empty}>${status.reason}<//></section>`;
  return html`<section class="panel"><div class="bar">
      <input type="search" placeholder="Filter lines" aria-label="Filter lines" value=${filter.text} onInput=${set("text")} />
      <select aria-label="Stream" value=${filter.stream} onChange=${set("stream")}><option value="">Both streams</option><option value="stdout">stdout</option><option value="stderr">stderr</option></select>
      <select aria-label="Process" value=${filter.pid} onChange=${set("pid")}><option value="">Every process</option>${pids.map((pid) => html`<option key=${pid} value=${pid}>${pid}${alive.size && !alive.has(pid) ? " (ended)" : ""}</option>`)}</select>
      <button aria-pressed=${paused ? "true" : "false"} onClick=${() => { atEnd.current = true; setPaused(paused ? null : [...held.kept]); }}><${Icon} name=${paused ? "start" : "pause"} />${paused ? `Go on${waiting > 0 ? ` (${waiting} new)` : ""}` : "Pause"}</button>
      <button onClick=${() => download(view.name, all)}><${Icon} name="download" />Download</button></div>
    ${shown.length === 0
      ? html`<${Empty}>${status ? (held.kept.length ? "No line fits the filter." : "Nothing was written yet.") : blind() ? "Not connected." : "Asking for the last lines…"}<//>`
      : html`<div class="log" ref=${box} tabindex="0" role="log" aria-label=${`Output of ${view.name}`} aria-live="off" onScroll=${(event) => { const node = event.currentTarget; atEnd.current = node.scrollHeight - node.scrollTop - node.clientHeight < 40; }}>
        ${shown.map((line) => drawn(line, wanted))}</div>`}
  </section>`;
}
