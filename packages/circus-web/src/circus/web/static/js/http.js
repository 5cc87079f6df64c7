// Requests to the API. Every failure is an Error whose message can be shown.

async function read(response) {
  const text = await response.text();
  let body = {};
  try { body = text ? JSON.parse(text) : {}; } catch { body = { reason: text }; }
  if (!response.ok) {
    const error = new Error(body.reason || `The console answered ${response.status}.`);
    error.status = response.status;
    throw error;
  }
  return body;
}

async function ask(path, options) {
  let response;
  try { response = await fetch(path, { credentials: "same-origin", ...options }); }
  catch { throw new Error("The console does not answer."); }
  return read(response);
}

export const get = (path) => ask(path, {});
export const post = (path, body = {}) =>
  ask(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

const part = encodeURIComponent;
/** The API's address of a daemon, or of something below it. */
export const daemonPath = (id, ...rest) => ["/api/daemons", part(id), ...rest.map(part)].join("/");
export const command = (id, name, properties) => post(daemonPath(id, "commands", name), properties);
