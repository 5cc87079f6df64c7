// Reading the configuration again: the plan first.

import { useEffect, useState } from "../../vendor/hooks.js";
import { place } from "../format.js";
import { html } from "../html.js";
import { command } from "../http.js";
import { state } from "../store.js";
import { attempt, Dialog } from "../ui.js";

const isEmpty = (plan) => plan == null || (Array.isArray(plan) ? plan.length === 0 : typeof plan === "object" && Object.values(plan).every(isEmpty));
const TITLES = { add: "Added", added: "Added", remove: "Removed", removed: "Removed", change: "Changed", changed: "Changed", update: "Changed", restart: "Restarted" };

/** A plan of any shape: lists of names, or names with what changes. */
function Plan({ plan }) {
  if (plan == null || typeof plan !== "object") return html`<span>${String(plan)}</span>`;
  if (Array.isArray(plan)) return html`<ul>${plan.map((one, at) => html`<li key=${at}><${Plan} plan=${one} /></li>`)}</ul>`;
  return html`<div class="plan">${Object.entries(plan).filter(([, value]) => !isEmpty(value)).map(([key, value]) => html`
    <h3 key=${key}>${TITLES[key] ?? key.replaceAll("_", " ")}</h3><${Plan} plan=${value} />`)}</div>`;
}

export function Reload({ daemon: first, onClose }) {
  const [daemon, setDaemon] = useState(first);
  const [plan, setPlan] = useState(undefined);
  const [error, setError] = useState("");
  useEffect(() => {
    setPlan(undefined); setError("");
    if (!daemon.offers_plan) return;
    command(daemon.id, "reloadconfig", { dry_run: true })
      .then(({ plan: found, info, changes }) => setPlan(found ?? info ?? changes ?? []))
      .catch((problem) => setError(problem.message));
  }, [daemon.id]);
  const apply = async () => {
    if (await attempt(() => command(daemon.id, "reloadconfig", {}), "The configuration is being applied")) onClose();
  };
  const nothing = plan !== undefined && isEmpty(plan);
  return html`<${Dialog} title="Reload the configuration" onClose=${onClose} footer=${html`
      <button onClick=${onClose}>Cancel</button>
      <button class="primary" disabled=${!!error || nothing || (daemon.offers_plan && plan === undefined)} onClick=${apply}>Apply</button>`}>
    <div class="form">
      ${state.daemons.size > 1 && html`<label class="field">Daemon<select value=${daemon.id} onChange=${(event) => setDaemon(state.daemons.get(event.target.value))}>
        ${[...state.daemons.values()].filter((one) => one.state === "alive").map((one) => html`<option key=${one.id} value=${one.id}>${place(one.endpoint)}</option>`)}</select></label>`}
      ${!daemon.offers_plan
        ? html`<p>This daemon is older than version 1 and cannot show a plan. It reads its file again and applies what differs; watchers whose options changed are restarted.</p>`
        : error ? html`<p class="error" role="alert">${error}</p>`
        : plan === undefined ? html`<p class="note">Asking for the plan…</p>`
        : nothing ? html`<p>The file says what runs already: there is nothing to apply.</p>`
        : html`<p>This is what would be done. Nothing has changed yet.</p><${Plan} plan=${plan} />`}
    </div><//>`;
}
