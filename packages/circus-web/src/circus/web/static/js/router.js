// Addresses: ordinary links, taken over by the page.

import { useEffect, useState } from "../vendor/hooks.js";

const listeners = new Set();
const part = encodeURIComponent;

export const to = {
  watcher: (daemon, name, tab) => `/d/${part(daemon)}/w/${part(name)}${tab ? `/${tab}` : ""}`,
  process: (daemon, name, pid) => `/d/${part(daemon)}/w/${part(name)}/p/${pid}`,
};

export function go(path) {
  if (path === location.pathname + location.search) return;
  history.pushState(null, "", path);
  for (const listener of listeners) listener();
}

export function useRoute() {
  const [path, setPath] = useState(location.pathname);
  useEffect(() => {
    const look = () => setPath(location.pathname);
    listeners.add(look);
    addEventListener("popstate", look);
    const click = (event) => {
      const link = event.target.closest?.("a[href]");
      if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || link.target || link.hasAttribute("download")) return;
      if (link.origin !== location.origin || link.pathname.startsWith("/api/") || link.getAttribute("href").startsWith("#")) return;
      event.preventDefault();
      go(link.pathname + link.search);
    };
    document.addEventListener("click", click);
    return () => { listeners.delete(look); removeEventListener("popstate", look); document.removeEventListener("click", click); };
  }, []);
  return path;
}
