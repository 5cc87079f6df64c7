// Adding a watcher to a running daemon.

import { useEffect, useState } from "../../vendor/hooks.js";
import { place } from "../format.js";
import { html } from "../html.js";
import { command } from "../http.js";
import { Icon } from "../icons.js";
import { go, to } from "../router.js";
import { state } from "../store.js";
import { attempt, PageHead } from "../ui.js";
import { Field, optionKinds, parse } from "./options.js";

const FIRST = new Set(["cmd", "numprocesses", "working_dir", "shell"]);

export function Add() {
  const [kinds, setKinds] = useState(new Map());
  const [more, setMore] = useState([]);
  const daemons = [...state.daemons.values()].filter((one) => one.state === "alive");
  useEffect(() => { optionKinds().then(setKinds, () => {}); }, []);
  const submit = async (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    const daemon = form.get("daemon") ?? daemons[0].id;
    const name = form.get("name").trim();
    const done = await attempt(() => {
      const options = { numprocesses: Number(form.get("numprocesses")), shell: form.has("shell") };
      if (form.get("working_dir")) options.working_dir = form.get("working_dir");
      for (const one of more) options[one] = parse(form.get(`option ${one}`), kinds.get(one), null);
      return command(daemon, "add", { name, cmd: form.get("cmd"), start: form.has("start"), options });
    }, `${name} is added`);
    if (done) go(to.watcher(daemon, name));
  };
  const rest = [...kinds.keys()].filter((name) => !FIRST.has(name) && !more.includes(name));
  return html`<${PageHead} title="Add watcher" crumbs=${html`<a href="/watchers">Watchers</a>`} sub="It runs until the daemon stops; put it into the configuration file to keep it." />
    <section class="panel"><div class="body"><form class="form" onSubmit=${submit}>
      ${daemons.length > 1 && html`<label class="field">Daemon<select name="daemon">${daemons.map((one) => html`<option key=${one.id} value=${one.id}>${place(one.endpoint)}</option>`)}</select></label>`}
      <div class="pair"><label class="field">Name<input name="name" required autocomplete="off" /></label>
        <label class="field">Processes<input name="numprocesses" type="number" min="0" defaultValue="1" required /></label></div>
      <label class="field">Command<input name="cmd" required autocomplete="off" spellcheck="false" placeholder="python -m shop.worker" /><small>The program and its arguments, as in a shell.</small></label>
      <label class="field">Working directory<input name="working_dir" autocomplete="off" spellcheck="false" /><small>Default: that of circusd.</small></label>
      ${more.map((name) => html`<div key=${name} class="field"><label class="field"><span>${name} <button type="button" class="plain small" onClick=${() => setMore(more.filter((one) => one !== name))} aria-label=${`Leave out ${name}`}><${Icon} name="close" size="12" /></button></span>
        <small>${kinds.get(name).doc}</small></label><${Field} kind=${kinds.get(name)} value=${kinds.get(name).default} name=${`option ${name}`} label=${name} /></div>`)}
      <div class="actions"><label class="tick"><input type="checkbox" name="start" defaultChecked />Start it at once</label><label class="tick"><input type="checkbox" name="shell" />Run through a shell</label>
        <select aria-label="One more option" value="" onChange=${(event) => { if (event.target.value) setMore([...more, event.target.value]); event.target.value = ""; }}><option value="">One more option…</option>${rest.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}</select></div>
      <div class="actions"><button class="primary" disabled=${daemons.length === 0}>Add</button><a class="button" href="/watchers">Cancel</a></div>
    </form></div></section>`;
}
