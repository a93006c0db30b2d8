// The three views: Label, Review, and Progress (which has its own button on narrow screens only).

import { $ } from "./dom.js";
import { showAgreement } from "./agreement.js";
import { showGallery } from "./gallery.js";

export function view(name) {
  document.body.dataset.view = name;
  for (const button of document.querySelectorAll("nav button")) {
    if (button.dataset.go === name) button.setAttribute("aria-current", "page");
    else button.removeAttribute("aria-current");
  }
  if (name === "labeled") showGallery().then(showAgreement).then(() => $("labeled").focus({ preventScroll: true }));
  if (name === "label") $("stage").focus({ preventScroll: true });
}
