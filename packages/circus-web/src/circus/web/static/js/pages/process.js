// One process: charts, who it is, its children, signals.

import { useEffect, useState } from "../../vendor/hooks.js";
import { Chart } from "../charts.js";
import { percent, span } from "../format.js";
import { html } from "../html.js";
import { command, daemonPath, get } from "../http.js";
import { Icon } from "../icons.js";
import { to } from "../router.js";
import { state } from "../store.js";
import { attempt, Empty, PageHead } from "../ui.js";
import { kill } from "./watcher.js";

const SIGNALS = ["HUP", "INT", "QUIT", "USR1", "USR2", "TERM", "CONT", "STOP", "TTIN", "TTOU", "WINCH", "KILL"];

function Tree({ info }) {
  return html`<ul class="tree"><li><code>${info.pid} ${info.cmdline}</code> <span class="note">${info.username} · CPU ${typeof info.cpu === "number" ? percent(info.cpu) : info.cpu} · memory ${info.mem_info1 ?? "–"}</span>
    ${(info.children ?? []).map((child) => html`<${Tree} key=${child.pid} info=${child} />`)}</li></ul>`;
}

function SignalForm({ daemon, view, pid }) {
  const send = (event) => {
    event.preventDefault();
    const { signum, whom } = Object.fromEntries(new FormData(event.target));
    const more = whom === "children" ? { children: true } : whom === "all" ? { recursive: true } : {};
    attempt(() => command(daemon.id, "signal", { name: view.name, pid, signum, ...more }), `SIG${signum} is sent to process ${pid}`);
  };
  return html`<form class="form" onSubmit=${send}><div class="pair">
    <label class="field">Signal<select name="signum">${SIGNALS.map((one) => html`<option key=${one} value=${one}>SIG${one}</option>`)}</select></label>
    <label class="field">To<select name="whom"><option value="it">this process</option><option value="children">its children</option><option value="all">it and all descendants</option></select></label></div>
    <div class="actions"><button>Send</button><button type="button" class="danger" onClick=${() => kill(daemon.id, view.name, pid)}>Kill</button></div></form>`;
}

export function Process({ daemon, view, detail, pid, crumbs }) {
  const [facts, setFacts] = useState(null);
  const [error, setError] = useState("");
  const worker = detail?.workers.find((one) => one.pid === pid);
  useEffect(() => {
    let live = true;
    const load = () => get(daemonPath(daemon.id, "watchers", view.name, "processes", String(pid)))
      .then((reply) => { if (live) { setFacts(reply.info ?? null); setError(""); } })
      .catch((problem) => { if (live) setError(problem.message); });
    load();
    const timer = setInterval(load, 5000);
    return () => { live = false; clearInterval(timer); };
  }, [daemon.id, view.name, pid]);
  const gone = detail && !worker;
  return html`<${PageHead} title=${`Process ${pid}`} crumbs=${crumbs} sub=${gone ? "It has ended." : worker ? `worker ${worker.wid ?? "–"} of ${view.name}, ${worker.state}, for ${span(worker.age)}${worker.why ? `, started for: ${worker.why}` : ""}` : ""}>
      <a class="button" href=${`${to.watcher(daemon.id, view.name, "log")}?pid=${pid}`}><${Icon} name="log" />Log</a><//>
    <div class="grid">
      <section class="panel" aria-label="CPU"><${Chart} kind="cpu" values=${worker?.history.cpu ?? []} value=${worker?.cpu} /></section>
      <section class="panel" aria-label="Memory"><${Chart} kind="memory" values=${worker?.history.memory ?? []} value=${worker?.memory} /></section>
    </div>
    <div class="grid">
      <section class="panel"><header><h2>It and its children</h2></header><div class="body">
        ${gone ? html`<${Empty}>It has ended.<//>` : facts ? html`<${Tree} info=${facts} />
          <dl class="facts-list"><dt>User</dt><dd>${facts.username}</dd><dt>Niceness</dt><dd>${facts.nice}</dd><dt>CPU time</dt><dd>${facts.ctime}</dd><dt>Virtual memory</dt><dd>${facts.mem_info2}</dd></dl>`
        : html`<p class=${error ? "error" : "note"}>${error || "Asking…"}</p>`}</div></section>
      ${state.person?.role === "operator" && !gone && html`<section class="panel"><header><h2>Signal</h2></header><div class="body"><${SignalForm} daemon=${daemon} view=${view} pid=${pid} /></div></section>`}
    </div>`;
}
