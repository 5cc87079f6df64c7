// Figures and times as people read them. Pure.

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** Bytes with a binary unit; a dash where nothing is known. */
export function bytes(value) {
  if (value == null) return "–";
  let at = 0;
  while (value >= 1024 && at < UNITS.length - 1) { value /= 1024; at += 1; }
  return `${value >= 100 || at === 0 ? Math.round(value) : value.toFixed(1)} ${UNITS[at]}`;
}

/** Per cent of one core. */
export const percent = (value) => (value == null ? "–" : `${value.toFixed(value >= 100 ? 0 : 1)} %`);

/** A time span, in its two largest units. */
export function span(seconds) {
  if (seconds == null || Number.isNaN(seconds)) return "–";
  if (seconds < 10) return `${Math.max(0, seconds).toFixed(1)} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Time of day. */
export const clock = (time) =>
  time == null ? "–" : new Date(time * 1000).toLocaleTimeString([], { hour12: false });

/** Date and time, for titles. */
export const when = (time) => (time == null ? "" : new Date(time * 1000).toLocaleString());

/** How long ago. */
export const ago = (time, now) => (time == null ? "" : `${span(Math.max(0, now - time))} ago`);

/** An exit, and how long ago, if that is known. */
export const exitWithAge = (exit, now) => [exitText(exit), ago(exit?.time, now)].filter(Boolean).join(", ");

/** "1 process", "3 processes". */
export const count = (number, one, many = `${one}s`) => `${number} ${number === 1 ? one : many}`;

/** An exit in one line. */
export function exitText(exit) {
  if (!exit) return "";
  const why = exit.why && exit.why !== "exit" ? `${exit.why}: ` : "";
  return why + (exit.exit ?? "ended");
}

/** The words of a terminal without its colours. */
export const plain = (text) => String(text).replace(/\u001b\[[0-9;?]*[A-Za-z]|\u001b\][^\u0007]*\u0007/g, "").replace(/[\r\n]+$/, "");

/** An endpoint as a title: short, without its scheme. */
export const place = (endpoint) => endpoint.replace(/^tcp:\/\//, "").replace(/^ipc:\/\//, "");

/** The state of a watcher in one word; one that dies again and again is not simply active. */
export const stateWord = (view) => (view.level === "bad" && view.state === "active" ? "flapping" : view.state);
