// The sample that is shown, its caption, and the buttons that depend on it.

import { $, el, say } from "./dom.js";
import { tellTrouble } from "./notices.js";
import { showSaid } from "./said.js";
import { state } from "./state.js";
import { showSuggestions } from "./suggest.js";
import { showWhy } from "./why.js";
import { isZoomed, zoom } from "./zoom.js";

const REASONS = { // why the server asks for a sample
  query: "helps the model most", explore: "may be a new class", first: "good to start with", random: "random",
  test: "random, for testing the model", second: "second opinion", imported: "imported", chosen: "correction", undone: "taken back",
  alike: "looks like another",
};

function draw(made, stage) { // what is pressed counts only once it was drawn
  if (stage.firstChild === made.node) return;
  stage.replaceChildren(made.node);
  made.drawn = false;
  stage.dataset.drawn = "";
  requestAnimationFrame(() => { // the browser draws right after this
    if (made !== state.current) return;
    made.drawn = true;
    stage.dataset.drawn = made.sample;
  });
}

export function show(made) { // null shows that nothing is there, now or for good
  if (made !== state.current) say(""); // it was about another sample; what is said of this one comes after
  state.current = made;
  const stage = $("stage");
  if (isZoomed()) zoom();
  if (!made?.node) stage.dataset.drawn = "";
  if (made?.node) draw(made, stage);
  else if (made || !state.drained) stage.replaceChildren(el("p", { className: "empty quiet", id: "wait", textContent: "Loading…" }));
  tellTrouble(); // whether people can label now, or what they wait for
  $("name").textContent = made ? made.name : "";
  $("reason").hidden = !made;
  $("reason").textContent = !made ? "" : made.correct ? `now: ${made.label ?? "skipped"}` : REASONS[made.reason] ?? made.reason;
  $("reason").classList.toggle("strong", Boolean(made?.correct));
  showSuggestions(made);
  showWhy(made);
  showSaid(made);
  for (const button of $("classes").children) {
    button.setAttribute("aria-pressed", String(button.dataset.name === made?.label));
    button.disabled = !made && state.drained;
  }
  $("zoom").disabled = !made && state.drained;
  $("alike").disabled = !made || made.correct;
  $("skip").disabled = !made;
  $("note").disabled = !made;
  $("keep").hidden = !made?.correct;
}
