// The buttons of the classes, their keys, and the search among them.

import { $, el } from "./dom.js";
import { show } from "./stage.js";
import { state } from "./state.js";

const KEYS = [..."123456789abcdefghijklmnopqrstuvwxyz0"];
let keyOf = new Map();

function assignKeys() { // a class whose name is a letter or a digit has that key; the others take what is left, in order
  const own = state.classes.filter((name) => KEYS.includes(name.toLowerCase()));
  const taken = new Map(own.map((name) => [name.toLowerCase(), name]).reverse());
  const free = KEYS.filter((key) => key !== "0" && key !== "g" && !taken.has(key));
  keyOf = new Map(state.classes.map((name) => [name, taken.get(name.toLowerCase()) === name ? name.toLowerCase() : free.shift()]));
}

export const classOf = (key) => state.classes.find((name) => keyOf.get(name) === key);

function button(name) {
  const made = el("button", { type: "button", title: name, "aria-pressed": "false" }, el("span", { textContent: name, dir: "auto" }));
  const key = keyOf.get(name);
  made.dataset.name = name;
  if (key) {
    made.prepend(el("kbd", { textContent: key, "aria-hidden": "true" }));
    made.setAttribute("aria-keyshortcuts", key);
  }
  return made;
}

export function showClasses() {
  assignKeys();
  const box = $("classes");
  box.replaceChildren(...state.classes.map(button));
  box.classList.toggle("short", state.classes.every((name) => name.length <= 3));
  box.classList.toggle("few", state.classes.length <= 4);
  box.classList.toggle("long", state.classes.some((name) => name.length > 12));
  $("zoom").hidden = state.kind === "row";
  $("filter").hidden = state.classes.length <= 15;
  filter();
  if (state.current) show(state.current);
}

export function filter() {
  const wanted = $("filter").value.trim().toLowerCase();
  $("classes").style.minHeight = wanted ? `${$("classes").offsetHeight}px` : ""; // the search field should not move
  for (const each of $("classes").children) each.hidden = !each.dataset.name.toLowerCase().includes(wanted);
}

export function unfilter() {
  $("filter").value = "";
  filter();
}
