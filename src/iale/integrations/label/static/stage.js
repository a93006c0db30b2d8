// The sample that is shown, its caption, and the buttons that depend on it.

import { $, el } from "./dom.js";
import { state } from "./state.js";
import { showSuggestions } from "./suggest.js";
import { showWhy } from "./why.js";
import { isZoomed, zoom } from "./zoom.js";

const REASONS = { // why the server asks for a sample
  query: "helps the model most", explore: "may be a new class", first: "good to start with", random: "random",
  test: "random, for testing the model", second: "second opinion", imported: "imported", chosen: "correction",
  alike: "looks like another",
};

export function show(made) { // null shows that nothing is there, now or for good
  state.current = made;
  const stage = $("stage");
  if (isZoomed()) zoom();
  if (made?.node) stage.replaceChildren(made.node);
  else if (made || !state.drained) stage.replaceChildren(el("p", { className: "empty quiet", textContent: "Loading…" }));
  $("name").textContent = made ? made.name : "";
  $("reason").hidden = !made;
  $("reason").textContent = !made ? "" : made.correct ? `now: ${made.label ?? "skipped"}` : REASONS[made.reason] ?? made.reason;
  $("reason").classList.toggle("strong", Boolean(made?.correct));
  showSuggestions(made);
  showWhy(made);
  for (const button of $("classes").children) {
    button.setAttribute("aria-pressed", String(button.dataset.name === made?.label));
    button.disabled = !made && state.drained;
  }
  $("zoom").disabled = !made && state.drained;
  $("alike").disabled = !made || made.correct;
  $("skip").disabled = !made;
  $("keep").hidden = !made?.correct;
}
