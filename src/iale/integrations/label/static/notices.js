// The lines at the top that say what went wrong: one line for each kind of trouble.

import { $, el } from "./dom.js";
import { state } from "./state.js";

const noticed = new Map(); // the latest text of each kind, even if it was dismissed
const troubles = new Map(); // for each thing that is being retried, why it fails

export function notice(id, text) { // an empty text removes the line; a dismissed line stays away until its text changes
  if (noticed.get(id) === text) return;
  noticed.set(id, text);
  document.querySelector(`[data-notice="${id}"]`)?.remove();
  if (!text) return;
  const line = el("p", { className: "notice" }, el("span", { textContent: text }));
  line.dataset.notice = id;
  line.append(el("button", { type: "button", textContent: "✕", "aria-label": "Dismiss", onclick: () => line.remove() }));
  $("notices").append(line);
}

export function trouble(what, why = "") { // without a reason, `what` works again
  troubles.set(what, why);
  tellTrouble();
}

export function tellTrouble() { // again, when something that it tells has changed
  const reasons = [...new Set(troubles.values())].filter(Boolean).join(" ");
  const many = state.waiting.length;
  const kept = many > 1 ? `${many} decisions are kept in this browser and will be sent again until they are saved.`
    : many ? "One decision is kept in this browser and will be sent again until it is saved." : "The page keeps trying.";
  const wait = document.getElementById("wait"); // stands where a sample is to come
  if (wait) wait.textContent = reasons ? "Waiting…" : "Loading…";
  const on = state.current?.node ? " You can keep labeling." : "";
  notice("trouble", reasons && `${reasons} ${kept}${on}`);
}
