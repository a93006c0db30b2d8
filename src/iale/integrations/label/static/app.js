// The page: shows what to label next, keeps every decision until the server has it on its disk, and says what went wrong.
//
// This module starts it and connects buttons and keys with what they do. The others hold one idea each, and imports go one way:
//     dom, storage, state, api, zoom
//     -> notices -> outbox           what was decided, on its way to the server
//     -> suggest, why -> stage -> classes -> status  what is shown
//     -> queue                       what comes next
//     -> gallery -> views -> acts -> grid  what a person does
//     -> questions -> keys

import { readClasses } from "./about.js";
import { accept, label, skip, undo } from "./acts.js";
import { showAgreement } from "./agreement.js";
import { ask, release } from "./api.js";
import { filter, showClasses, unfilter } from "./classes.js";
import { showClassView, watchClassView } from "./classview.js";
import { $, say, sleep } from "./dom.js";
import { openGallery } from "./gallery.js";
import { acceptGrid, closeGrid, openGrid, openLike } from "./grid.js";
import { toggleGuide, watchGuide } from "./guide.js";
import { onKey } from "./keys.js";
import { askNote } from "./notes.js";
import { notice } from "./notices.js";
import { openOutbox, showSaved } from "./outbox.js";
import { askClass, askName, help, setPerson } from "./questions.js";
import { watchPace } from "./pace.js";
import { refill } from "./queue.js";
import { correct, keepIt, lookAt } from "./review.js";
import { state, tab } from "./state.js";
import { watch } from "./status.js";
import { recall } from "./storage.js";
import { view } from "./views.js";
import { zoom } from "./zoom.js";

document.addEventListener("keydown", onKey);
$("undo").onclick = () => undo();
$("accept").onclick = accept;
$("alike").onclick = () => openGrid();
$("like").onclick = openLike;
$("grid-yes").onclick = acceptGrid;
$("grid-back").onclick = closeGrid;
$("skip").onclick = skip;
$("keep").onclick = keepIt;
$("note").onclick = askNote;
$("guidelines").onclick = toggleGuide;
$("zoom").onclick = () => zoom();
$("help").onclick = help;
$("filter").oninput = filter;
$("classes").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button || button.disabled) return;
  label(button.dataset.name);
  unfilter(button.dataset.name);
  if (event.detail) $("stage").focus({ preventScroll: true }); // otherwise a later key would press the button again
});
$("stage").addEventListener("click", ({ target, offsetX, offsetY }) => {
  if (target.tagName === "IMG") zoom(offsetX / target.clientWidth, offsetY / target.clientHeight);
});
$("labeled").addEventListener("correct", ({ detail }) => correct(detail));
$("labeled").addEventListener("look", ({ detail }) => lookAt(detail));
$("agreement").addEventListener("toggle", showAgreement);
for (const button of document.querySelectorAll("nav button")) button.onclick = () => {
  if (!closeGrid()) say(""); // what was said is about another view
  view(button.dataset.go);
  if (button.dataset.go === "classes") showClassView();
};
openGallery();
watchClassView();
watchGuide();
watchPace();

addEventListener("beforeunload", (event) => { if (state.waiting.length) event.preventDefault(); });
addEventListener("pagehide", () => { if (state.person) release(state.person, tab); });
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); }); // what it held was given back

async function begin() {
  state.useKeys = recall("iale-keys") !== "off";
  history.replaceState(null, "", location.pathname); // the token is in the cookie by now
  for (;;) {
    try {
      const [project, limits] = await Promise.all([ask("api/project"), ask("api/limits")]);
      Object.assign(state, { limits, classes: project.classes, kind: project.kind });
      await readClasses();
      $("project").textContent = document.title = project.name;
      const mark = project.mark || project.name;
      state.personKey = `iale-person ${mark}`; // of this project: in another one, the server says who labels
      state.person = project.invited ? project.person : recall(state.personKey) || project.person;
      document.body.dataset.role = project.role; // hides what this person may not do
      $("person").disabled = project.invited; // a token belongs to one name
      notice("begin", "");
      openOutbox(mark, refill);
      break;
    } catch (error) {
      notice("begin", error.message);
      await sleep(1000);
    }
  }
  $("more").onclick = askClass; // not earlier: both need the limits
  $("person").onclick = () => askName(false);
  showClasses();
  showSaved();
  if (state.person) setPerson(state.person);
  else await askName(true);
  view("label");
  watch();
}

begin();
