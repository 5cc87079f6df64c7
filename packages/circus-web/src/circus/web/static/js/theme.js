// Before the first paint, so that a dark page never flashes light. Classic script: it must not wait for modules.
"use strict";
(() => {
  const kept = localStorage.getItem("theme");
  if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;
})();
