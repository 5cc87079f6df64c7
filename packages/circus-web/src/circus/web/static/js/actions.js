// What can be done to watchers, from every page alike.

import { command, daemonPath, post } from "./http.js";
import { count } from "./format.js";
import { attempt, confirm, toast } from "./ui.js";

const DONE = { start: "is starting", stop: "is stopping", restart: "is restarting", reload: "is reloading" };
const ASK = {
  stop: ["Stop", "All of its processes end. It stays in the list and can be started again."],
  restart: ["Restart", "All of its processes end, then new ones start."],
  rm: ["Remove", "Its processes end, and it leaves the list until the configuration is read again."],
};

/** One command for one watcher; asks first where that is hard to take back. */
export async function act(daemon, name, verb) {
  const ask = ASK[verb];
  if (ask && !(await confirm(`${ask[0]} ${name}?`, ask[1], ask[0]))) return false;
  const exact = verb === "reload" || verb === "rm" ? { name } : { name, match: "simple" };
  return attempt(() => command(daemon, verb, exact), verb === "rm" ? `${name} is removed` : `${name} ${DONE[verb]}`);
}

export const scale = (daemon, name, by) =>
  attempt(() => command(daemon, by > 0 ? "incr" : "decr", { name, nb: Math.abs(by) }), `${name}: ${by > 0 ? "one more" : "one less"} process`);

/** One command for many watchers, of any daemons; `chosen` holds [daemon, name]. */
export async function actOnMany(chosen, verb) {
  const ask = ASK[verb];
  const what = count(chosen.length, "watcher");
  if (ask && !(await confirm(`${ask[0]} ${what}?`, chosen.map(([, name]) => name).join(", "), ask[0]))) return;
  const byDaemon = group(chosen);
  const properties = ["start", "stop", "restart"].includes(verb) ? { match: "simple" } : {};
  for (const [daemon, items] of byDaemon) {
    try {
      const reply = await post(daemonPath(daemon, "bulk"), { command: verb, names: items.map(([, name]) => name), properties });
      const refused = Object.entries(reply.refused);
      if (reply.done.length) toast(`${verb}: ${count(reply.done.length, "watcher")}`);
      for (const [name, reason] of refused.slice(0, 3)) toast(`${name}: ${reason}`, true);
      if (refused.length > 3) toast(`${refused.length - 3} more were refused; the list of actions says why.`, true);
    } catch (error) { toast(error.message, true); }
  }
}

function group(chosen) {
  const found = new Map();
  for (const item of chosen) found.set(item[0], [...(found.get(item[0]) ?? []), item]);
  return found;
}
