// Reading the configuration again: the plan first.

import { useEffect, useState } from "../../vendor/hooks.js";
import { place } from "../format.js";
import { html } from "../html.js";
import { command } from "../http.js";
import { state } from "../store.js";
import { attempt, Dialog } from "../ui.js";

const SIGNS = { add: "good", remove: "bad", stop: "bad", change: "warn", update: "warn", restart: "warn", reload: "warn" };

/** What would be done, a line a step; then what has to wait for a new daemon. */
function Plan({ plan }) {
  return html`<ul class="feed">${plan.steps.map((step, at) => html`<li key=${at} class="step">
      <span class=${`tag ${SIGNS[step.action] ?? ""}`}>${step.action}</span><span>${step.text ?? `${step.kind} ${step.name}`}</span></li>`)}</ul>
    ${plan.needs_restart.length > 0 && html`<p class="note">Not until circusd is restarted: ${plan.needs_restart.join(", ")}.</p>`}`;
}

export function Reload({ daemon: first, onClose }) {
  const [daemon, setDaemon] = useState(first);
  const [plan, setPlan] = useState(undefined);
  const [error, setError] = useState("");
  useEffect(() => {
    setPlan(undefined); setError("");
    if (!daemon.offers_plan) return;
    command(daemon.id, "reloadconfig", { dry_run: true })
      .then(({ plan: found }) => setPlan({ steps: found?.steps ?? [], needs_restart: found?.needs_restart ?? [] }))
      .catch((problem) => setError(problem.message));
  }, [daemon.id]);
  const apply = async () => {
    if (await attempt(() => command(daemon.id, "reloadconfig", {}), "The configuration is being applied")) onClose();
  };
  const nothing = plan?.steps.length === 0;
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
        : nothing ? html`<p>The file says what runs already: there is nothing to apply.</p><${Plan} plan=${plan} />`
        : html`<p>This is what would be done. Nothing has changed yet.</p><${Plan} plan=${plan} />`}
    </div><//>`;
}
