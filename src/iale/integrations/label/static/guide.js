// The guidelines beside the sample: what the project and each class mean, with examples that people marked.

import { readClasses } from "./about.js";
import { notice } from "./notices.js";
import { $, el } from "./dom.js";
import { markdown } from "./markdown.js";
import { thumbnail } from "./samples.js";
import { state } from "./state.js";
import { view } from "./views.js";

const wide = matchMedia("(min-width: 64rem)"); // there is room beside the sample; else the guidelines are a view of their own
const isBeside = () => wide.matches && document.body.dataset.guide === "on";
const isShown = () => isBeside() || document.body.dataset.view === "guide";

function examples(samples) {
  if (!samples.length) return [];
  if (state.kind !== "image") return [el("div", { className: "examples words" }, ...samples.map(({ text }) => el("p", { textContent: text, dir: "auto" })))];
  const images = samples.map(({ sample }) => el("img", { src: thumbnail(sample), alt: "", loading: "lazy" }));
  return [el("div", { className: "examples" }, ...images)];
}

export function heading(tag, name) { // the name of a class with its color
  const made = el(tag, {}, el("span", { textContent: name, dir: "auto" })), { color } = state.about[name] ?? {};
  if (color) {
    made.prepend(el("i", { className: "swatch", "aria-hidden": "true" }));
    made.firstChild.style.background = color;
  }
  return made;
}

function draw() {
  if (!isShown()) return;
  const told = state.classes.filter((name) => state.about[name]?.text || state.about[name]?.examples.length);
  const parts = told.map((name) => el("section", {}, heading("h3", name), markdown(state.about[name].text), ...examples(state.about[name].examples)));
  const none = !state.guidelines && !told.length;
  const hint = none ? [el("p", { className: "quiet", textContent: "Nothing is written yet. Under Classes you can say what the project and each class mean." })] : [];
  const now = [el("h2", { textContent: "Guidelines" }), ...hint, markdown(state.guidelines ?? ""), ...parts];
  const before = [...$("guide").childNodes], same = now.length === before.length && now.every((each, at) => each.isEqualNode(before[at]));
  if (!same) $("guide").replaceChildren(...now); // else a link in it keeps the focus
}

function tell() {
  $("guidelines").setAttribute("aria-pressed", String(isBeside()));
}

export async function toggleGuide() {
  const on = !isShown();
  if (!on) {
    document.body.dataset.guide = "off";
    if (document.body.dataset.view === "guide") view("label");
  } else if (wide.matches) document.body.dataset.guide = "on";
  else view("guide");
  tell();
  if (!on) return;
  draw();
  try {
    await readClasses(); // with the examples that were marked meanwhile
  } catch (error) {
    notice("guide", error.message);
  }
}

export function watchGuide() {
  document.addEventListener("classes", draw);
  wide.addEventListener("change", () => { // a phone was turned, or a window made narrower
    tell();
    draw();
  });
}
