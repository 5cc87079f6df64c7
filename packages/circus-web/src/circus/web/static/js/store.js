// What the console told us, kept up to date over one WebSocket that reconnects by itself.

import { useEffect, useState } from "../vendor/hooks.js";
import { get } from "./http.js";

const SPARK = 60;
const UNSEEN = 60_000; // nobody has looked for so long: rest, so that nothing is measured for us
const SILENCE = 5000; // a frame comes every second: after this long the connection is dead, whatever the socket says
const KEPT_EVENTS = 500;
const KEPT_LINES = 5000;

/** @type {{phase: "starting"|"live"|"lost"|"resting"|"out", person: any, daemons: Map<string, any>, endpoints: any[], actions: any[], detail: any, now: number}} */
export const state = {
  phase: "starting", person: null, daemons: new Map(), endpoints: [], actions: [], detail: null,
  now: Date.now() / 1000, lostAt: null,
};

const listeners = new Set();
const lineListeners = new Set();
export function changed() { for (const listener of listeners) listener(); }

/** Re-renders its component at each change. */
export function useStore() {
  const [, render] = useState(0);
  useEffect(() => {
    const listener = () => render((n) => n + 1);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, []);
  return state;
}

/** Whether nothing is known right now. */
export const blind = () => state.phase === "lost" || state.phase === "resting";

// -- the socket -----------------------------------------------------------------------------------

let socket = null;
let attempts = 0;
let watchdog = 0;
let wishes = { focus: null, follow: null };

const send = (message) => { if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message)); };

export function connect() {
  disconnect();
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const mine = (socket = new WebSocket(`${scheme}://${location.host}/api/live`));
  const guard = () => { clearTimeout(watchdog); watchdog = setTimeout(() => mine.close(), SILENCE); };
  guard();
  mine.onmessage = (event) => { guard(); receive(JSON.parse(event.data)); };
  mine.onclose = () => { if (socket === mine) lose(); };
}

export function disconnect() { const old = socket; socket = null; clearTimeout(watchdog); old?.close(); }

async function lose() {
  clearTimeout(watchdog);
  if (state.phase !== "lost") { state.phase = "lost"; state.lostAt = Date.now() / 1000; blank(); changed(); }
  try { state.person = await get("/api/session"); }
  catch (error) { if (error.status === 401) { signedOut(); return; } }
  attempts += 1;
  setTimeout(connect, Math.min(400 * 2 ** Math.min(attempts, 4), 5000));
}

let unseen = 0;

/** A page that nobody sees lets go of its connection after a while, unless it collects a log, and takes it up when it is seen. */
function onSight() {
  clearTimeout(unseen);
  if (document.hidden) unseen = setTimeout(rest, UNSEEN);
  else if (state.phase === "resting") connect();
}

function rest() {
  if (state.phase !== "live" || wishes.follow) return;
  disconnect();
  state.phase = "resting";
  blank("Nobody looked at this page for a while.");
  changed();
}

document.addEventListener("visibilitychange", onSight);

function signedOut() { disconnect(); state.phase = "out"; state.person = null; state.daemons.clear(); changed(); }

/** No figure and no state is shown while we do not know. */
function blank(why = "The console lost its connection.") {
  for (const daemon of state.daemons.values()) {
    daemon.figures.clear(); daemon.own = []; daemon.total = [null, null, null]; daemon.hits = {};
    for (const [name, view] of daemon.watchers)
      daemon.watchers.set(name, { ...view, state: "unknown", level: "unknown", why });
  }
  state.detail = null;
}

export async function start() {
  try {
    state.person = await get("/api/session");
    if (state.phase === "out") { state.phase = "starting"; changed(); } // just signed in: the frame needs no figures
    connect();
  } catch (error) {
    state.phase = error.status === 401 ? "out" : "lost";
    if (state.phase === "lost") setTimeout(start, 1500);
    changed();
  }
}

// -- messages -------------------------------------------------------------------------------------

function receive(message) {
  switch (message.type) {
    case "snapshot": takeSnapshot(message); break;
    case "frame": takeFrame(message); break;
    case "detail": takeDetail(message); break;
    case "lines": for (const listener of lineListeners) listener.lines(message); return;
    case "following": for (const listener of lineListeners) listener.following(message); return;
  }
  changed();
}

function takeSnapshot(message) {
  attempts = 0;
  state.phase = "live";
  onSight(); // it may have come back to a page that nobody sees
  state.now = message.time;
  state.endpoints = message.endpoints;
  state.actions = message.actions;
  const old = state.daemons;
  state.daemons = new Map(message.daemons.map((one) => [one.id, {
    ...one,
    watchers: new Map(Object.entries(one.watchers)),
    figures: new Map(Object.entries(one.figures)),
    sparks: old.get(one.id)?.sparks ?? new Map(Object.entries(one.sparks)),
    hitSparks: old.get(one.id)?.hitSparks ?? new Map(),
    events: one.events.slice().reverse(),
  }]));
  if (wishes.focus) send({ type: "focus", ...wishes.focus });
  if (wishes.follow) send({ type: "follow", ...wishes.follow, since: lines.lastTime(wishes.follow) });
}

function takeFrame(message) {
  state.now = message.time;
  state.phase = "live";
  for (const action of message.actions) state.actions.unshift(action);
  state.actions.length = Math.min(state.actions.length, 1000);
  for (const [id, frame] of Object.entries(message.daemons)) {
    const daemon = state.daemons.get(id);
    if (daemon) applyFrame(daemon, frame);
  }
}

function applyFrame(daemon, frame) {
  const returned = frame.link.state === "alive" && frame.link.since !== daemon.since;
  Object.assign(daemon, frame.link);
  for (const [name, view] of Object.entries(frame.watchers)) daemon.watchers.set(name, view);
  for (const name of frame.gone) { daemon.watchers.delete(name); daemon.figures.delete(name); daemon.sparks.delete(name); }
  for (const [name, figures] of Object.entries(frame.figures)) daemon.figures.set(name, figures);
  for (const [name, [cpu, memory]] of daemon.figures) push(daemon.sparks, name, cpu, memory);
  for (const [fd, reads] of Object.entries(frame.hits)) push(daemon.hitSparks, fd, reads, null);
  daemon.total = frame.total;
  daemon.own = frame.own;
  daemon.hits = frame.hits;
  append(daemon.history, frame.total[0], frame.total[1]);
  if (frame.events.length) {
    daemon.events = [...frame.events.slice().reverse(), ...daemon.events].slice(0, KEPT_EVENTS);
  }
  if (returned && wishes.follow?.daemon === daemon.id)
    send({ type: "follow", ...wishes.follow, since: lines.lastTime(wishes.follow) });
}

function push(sparks, name, first, second) {
  let kept = sparks.get(name);
  if (!kept) sparks.set(name, (kept = { cpu: [], memory: [] }));
  kept.cpu.push(first ?? null);
  kept.memory.push(second ?? null);
  if (kept.cpu.length > SPARK) { kept.cpu.shift(); kept.memory.shift(); }
}

function append(history, cpu, memory) {
  history.cpu.push(cpu ?? null);
  history.memory.push(memory ?? null);
  if (history.cpu.length > 300) { history.cpu.shift(); history.memory.shift(); }
}

function takeDetail(message) {
  const { focus } = wishes;
  if (!focus || focus.daemon !== message.daemon || focus.watcher !== message.name) return;
  const old = state.detail?.name === message.name && state.detail?.daemon === message.daemon ? state.detail : null;
  message.history ??= old?.history ?? { cpu: [], memory: [] };
  const past = new Map((old?.workers ?? []).map((one) => [one.pid, one.history]));
  for (const worker of message.workers) worker.history ??= past.get(worker.pid) ?? { cpu: [], memory: [] };
  if (old) {
    const figures = state.daemons.get(message.daemon)?.figures.get(message.name) ?? [null, null];
    append(message.history, figures[0], figures[1]);
    for (const worker of message.workers) append(worker.history, worker.cpu, worker.memory);
  }
  state.detail = message;
}

// -- wishes ---------------------------------------------------------------------------------------

/** Be told of the processes of a watcher, as long as the component lives. */
export function useFocus(daemon, watcher) {
  useEffect(() => {
    wishes.focus = { daemon, watcher };
    send({ type: "focus", daemon, watcher });
    return () => { wishes.focus = null; state.detail = null; send({ type: "blur" }); };
  }, [daemon, watcher]);
  const { detail } = state;
  return detail && detail.daemon === daemon && detail.name === watcher ? detail : null;
}

/** The lines of a watcher that this page holds; outlives a lost connection, not a change of the watcher. */
export const lines = {
  kept: [], of: null, dropped: 0, floor: undefined,
  lastTime(follow) {
    this.floor = this.of === key(follow) ? this.kept.at(-1)?.time : undefined;
    return this.floor;
  },
  /** Whether a line came before the connection was lost, too. */
  has(line) {
    if (this.floor === undefined || line.time > this.floor) return false;
    return line.time < this.floor || this.kept.slice(-200).some(
      (one) => one.time === line.time && one.pid === line.pid && one.data === line.data && one.stream === line.stream);
  },
};
const key = ({ daemon, watcher }) => `${daemon} ${watcher}`;

export function follow(daemon, watcher, listener) {
  const wish = { daemon, watcher, lines: 1000 };
  if (lines.of !== key(wish)) { lines.kept = []; lines.of = key(wish); lines.dropped = 0; }
  wishes.follow = wish;
  const inner = {
    lines(message) {
      if (message.lost) lines.kept.push({ mark: `${message.lost} lines were too many for this page and are left out.` });
      for (const line of message.lines) if (!lines.has(line)) lines.kept.push(line);
      const over = lines.kept.length - KEPT_LINES;
      if (over > 0) { lines.kept.splice(0, over); lines.dropped += over; }
      listener.lines();
    },
    following(message) { if (message.watcher === watcher) listener.following(message); },
  };
  lineListeners.add(inner);
  send({ type: "follow", ...wish, since: lines.lastTime(wish) });
  return () => { lineListeners.delete(inner); wishes.follow = null; send({ type: "unfollow" }); };
}
