// The frame around all pages: navigation, keyboard, banner.

import { render } from "../vendor/preact.js";
import { useEffect, useRef, useState } from "../vendor/hooks.js";
import { clock } from "./format.js";
import { html } from "./html.js";
import { post } from "./http.js";
import { Icon } from "./icons.js";
import { go, useRoute } from "./router.js";
import { step } from "./rows.js";
import { disconnect, start, state, useStore } from "./store.js";
import { Dialog, PageHead, Questions, Toasts } from "./ui.js";
import { Add } from "./pages/add.js";
import { Audit } from "./pages/audit.js";
import { Daemons } from "./pages/daemons.js";
import { Events } from "./pages/events.js";
import { Overview, troubles } from "./pages/overview.js";
import { Plugins } from "./pages/plugins.js";
import { SignIn } from "./pages/signin.js";
import { Sockets } from "./pages/sockets.js";
import { Watcher } from "./pages/watcher.js";
import { Watchers } from "./pages/watchers.js";

const PAGES = [
  ["/", "Overview", "overview", "o"],
  ["/watchers", "Watchers", "watchers", "w"],
  ["/sockets", "Sockets", "sockets", "s"],
  ["/plugins", "Plugins", "plugins", "p"],
  ["/events", "Events", "events", "e"],
  ["/actions", "Actions", "audit", "a"],
  ["/daemons", "Daemons", "daemons", "d"],
];

function page(path) {
  const parts = path.split("/").filter(Boolean).map(decodeURIComponent);
  if (parts[0] === "d" && parts[2] === "w" && parts[3]) {
    const [, daemon, , name, tab, pid] = parts;
    return html`<${Watcher} key=${`${daemon} ${name}`} daemon=${daemon} name=${name} tab=${tab ?? ""} pid=${pid && Number(pid)} />`;
  }
  switch (path) {
    case "/": case "/login": return html`<${Overview} />`;
    case "/watchers": return html`<${Watchers} />`;
    case "/add": return html`<${Add} />`;
    case "/sockets": return html`<${Sockets} />`;
    case "/plugins": return html`<${Plugins} />`;
    case "/events": return html`<${Events} />`;
    case "/actions": return html`<${Audit} />`;
    case "/daemons": return html`<${Daemons} />`;
    default: return html`<${PageHead} title="No such page" sub="There is nothing at this address." /><a href="/">To the overview</a>`;
  }
}

function Side({ path, onHelp }) {
  useEffect(() => { document.querySelector(".side [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" }); }, [path]); // on a phone
  const trouble = troubles(state).filter((one) => one.level === "bad").length;
  const here = (href) => (href === "/" ? path === "/" : path.startsWith(href) || (href === "/watchers" && (path.startsWith("/d/") || path === "/add")));
  return html`<header class="side">
    <a class="brand" href="/" aria-label="Circus, overview"><img src="/static/icon.svg" alt="" /><span>Circus</span></a>
    <nav aria-label="Pages">${PAGES.map(([href, text, icon]) => html`
      <a key=${href} href=${href} aria-current=${here(href) ? "page" : undefined}><${Icon} name=${icon} />${text}
        ${href === "/" && trouble > 0 && html`<span class="count">${trouble}<span class="visually-hidden"> in trouble</span></span>`}</a>`)}</nav>
    <div class="foot">
      <div>${state.person?.name}<br />${state.person?.role === "viewer" ? "may look only" : "may look and act"}</div>
      <div class="row">
        <button class="small" onClick=${turnTheme} aria-label="Light or dark"><${Icon} name="theme" /></button>
        <button class="small hide" onClick=${onHelp} aria-label="Keyboard"><${Icon} name="help" /></button>
        <button class="small" onClick=${signOut} aria-label="Sign out"><${Icon} name="out" /></button>
      </div>
      <div>circus-web ${state.person?.version}</div>
    </div></header>`;
}

function turnTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
  dispatchEvent(new Event("themechange"));
}

async function signOut() {
  disconnect();
  try { await post("/api/session/end"); } finally { location.assign("/login"); }
}

const Help = ({ onClose }) => html`<${Dialog} title="Keyboard" onClose=${onClose} footer=${html`<button class="primary" onClick=${onClose}>Close</button>`}>
  <dl class="facts-list">
    <dt><kbd>/</kbd></dt><dd>to the filter</dd>
    <dt><kbd>j</kbd> <kbd>k</kbd></dt><dd>next and previous row</dd>
    <dt><kbd>x</kbd></dt><dd>choose this row</dd>
    <dt><kbd>Enter</kbd></dt><dd>open it</dd>
    ${PAGES.map(([href, text, , letter]) => html`<dt key=${href}><kbd>g</kbd> <kbd>${letter}</kbd></dt><dd>${text}</dd>`)}
    <dt><kbd>?</kbd></dt><dd>this list</dd>
  </dl><//>`;

function useKeys(setHelp) {
  const prefix = useRef(0);
  useEffect(() => {
    const press = (event) => {
      if (event.metaKey || event.ctrlKey || event.altKey || document.querySelector("dialog[open]")) return;
      if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== "checkbox") return;
      const afterG = Date.now() - prefix.current < 1200;
      prefix.current = 0;
      const found = afterG && PAGES.find(([, , , letter]) => letter === event.key);
      if (found) { event.preventDefault(); go(found[0]); }
      else if (event.key === "g") prefix.current = Date.now();
      else if (event.key === "?") setHelp(true);
      else if (event.key === "/") { const field = document.querySelector("input[type=search]"); if (field) { event.preventDefault(); field.focus(); } }
      else if (event.key === "j" || event.key === "k") { event.preventDefault(); step(event.key === "j" ? 1 : -1); }
      else if (event.key === "x") document.activeElement.closest?.("tr")?.querySelector("input[type=checkbox]")?.click();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
}

function Banner() {
  if (state.phase === "lost")
    return html`<div class="banner" role="alert">Not connected to the console since ${clock(state.lostAt)}. Nothing below is current; trying again…</div>`;
  const dead = [...state.daemons.values()].filter((one) => one.state === "dead");
  if (dead.length)
    return html`<div class="banner" role="alert"><span>${dead.map((one) => `${one.endpoint} does not answer since ${clock(one.since)}.`).join(" ")} Trying again…</span></div>`;
  return null;
}

function App() {
  useStore();
  const path = useRoute();
  const [help, setHelp] = useState(false);
  const last = useRef(path);
  useKeys(setHelp);
  useEffect(() => {
    if (last.current !== path) { last.current = path; scrollTo(0, 0); document.querySelector("h1")?.focus(); }
  }, [path]);
  if (state.phase === "out") return html`<${SignIn} /><${Toasts} />`;
  const connecting = state.phase === "starting";
  if (connecting && !state.person) return html`<main class="signin"><h1 class="note">Connecting…</h1></main>`;
  return html`<a class="skip" href="#main" onClick=${(event) => { event.preventDefault(); document.querySelector("h1")?.focus(); }}>To the content</a>
    <div class="frame"><${Side} path=${path} onHelp=${() => setHelp(true)} />
      <div><${Banner} /><main id="main">${connecting ? html`<${PageHead} title="Connecting…" />` : page(path)}</main></div></div>
    <${Toasts} /><${Questions} />${help && html`<${Help} onClose=${() => setHelp(false)} />`}`;
}

render(html`<${App} />`, document.getElementById("app"));
start();
