// The keyboard. Every key does what a button does; help() in questions.js lists them for people.

import { accept, label, skip, undo } from "./acts.js";
import { classOf, opensAlike, typeAhead, unfilter } from "./classes.js";
import { $ } from "./dom.js";
import { closeGrid, gridKey, isOpen, openGrid, openLike } from "./grid.js";
import { toggleGuide } from "./guide.js";
import { askNote, mark } from "./notes.js";
import { help } from "./questions.js";
import { keepIt } from "./review.js";
import { scrollBy } from "./scroll.js";
import { state } from "./state.js";
import { view } from "./views.js";
import { isZoomed, zoom } from "./zoom.js";

function inFilter(event) {
  const found = event.key === "Enter" && [...$("classes").children].find((button) => !button.hidden);
  if (found) found.click();
  else if (event.key === "Escape") unfilter();
  else return;
  $("stage").focus({ preventScroll: true });
}

function escape() {
  if (isZoomed()) zoom();
  else if (document.body.dataset.view === "label") keepIt();
  else view("label");
}

export function onKey(event) {
  if ($("dialog").open || event.altKey || event.repeat) return;
  if (event.target === $("filter")) return inFilter(event);
  if (event.ctrlKey || event.metaKey) {
    if (event.key === "z") { event.preventDefault(); closeGrid(); undo(); }
    return;
  }
  if (isOpen() && document.body.dataset.view === "grid") {
    if (gridKey(event)) event.preventDefault();
    return;
  }
  if (event.key === "Escape") return escape();
  if (!state.useKeys || document.body.dataset.view !== "label") return;
  // French keyboards need Shift for a digit, so digits go by their place on the keyboard; letters go by what they write.
  const key = /^Digit\d$/.test(event.code) && !event.shiftKey ? event.code[5] : event.key.toLowerCase();
  const button = event.target.closest?.("button, a, summary");
  if (key === " " && !button) zoom(); // on a button, Space presses it
  else if (key === "enter" && !button) accept();
  else if (key === "backspace") undo(!event.shiftKey);
  else if (key === ".") skip();
  else if (key === "?") help();
  else if (key === ",") askNote();
  else if (key === "!") mark();
  else if (key === "=") toggleGuide();
  else if (key === "/" && !$("filter").hidden) $("filter").focus();
  else if (!event.shiftKey && classOf(key)) label(classOf(key));
  else if (key === "g" && (event.shiftKey || opensAlike())) (event.shiftKey ? openLike : openGrid)();
  else if (!isZoomed() && !button && scrollBy(key)) { /* moved */ } else if (typeAhead(event.key)) { /* begun */ }
  else return;
  event.preventDefault();
}
