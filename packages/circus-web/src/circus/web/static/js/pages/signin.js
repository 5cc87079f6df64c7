// Signing in: by the printed link, a token, or a name and a password.

import { useEffect, useState } from "../../vendor/hooks.js";
import { html } from "../html.js";
import { post } from "../http.js";
import { start } from "../store.js";

export function SignIn() {
  const [error, setError] = useState("");
  const [byName, setByName] = useState(false);
  const enter = async (body) => {
    setError("");
    try {
      await post("/api/session", body);
      if (location.pathname === "/login") { history.replaceState(null, "", "/"); dispatchEvent(new PopStateEvent("popstate")); }
      await start();
    } catch (problem) { setError(problem.message); }
  };
  useEffect(() => {
    document.title = "Sign in · Circus";
    const token = new URLSearchParams(location.hash.slice(1)).get("token");
    if (token) { history.replaceState(null, "", "/login"); enter({ token }); }
  }, []);
  const submit = (event) => {
    event.preventDefault();
    const { token, name, password } = Object.fromEntries(new FormData(event.target));
    enter(byName ? { name, password } : { token });
  };
  return html`<main class="signin"><div class="card">
    <img src="/static/icon.svg" alt="" />
    <h1>Circus</h1>
    <p>${byName ? "Sign in with your name and password." : "Open the link that circushttpd printed when it started, or enter the token that it keeps in its run directory."}</p>
    <form class="form" onSubmit=${submit}>
      ${byName
        ? html`<label class="field">Name<input name="name" autocomplete="username" required autofocus /></label>
               <label class="field">Password<input name="password" type="password" autocomplete="current-password" required /></label>`
        : html`<label class="field">Token<input name="token" type="password" autocomplete="off" required autofocus /></label>`}
      ${error && html`<div class="error" role="alert">${error}</div>`}
      <button class="primary">Sign in</button>
      <button type="button" class="plain" onClick=${() => setByName(!byName)}>${byName ? "Use a token" : "Use a name and a password"}</button>
    </form></div></main>`;
}
