// The buttons of the classes, their keys, and the search among them. If there are more classes than keys, only a dozen are
// shown: what was typed, or what was used last. So the sample keeps its size, and typing a name finds every class.

import { $, el } from "./dom.js";
import { show } from "./stage.js";
import { state } from "./state.js";

const KEYS = [..."123456789abcdefhijklmnopqrstuvwxyz"]; // g opens the look-alikes
const SHOWN = 12; // classes at once, if there are many
let keyOf = new Map(), used = []; // used: the classes that were chosen last, latest first

export const isMany = () => state.classes.length > KEYS.length;

function assignKeys(names) { // a chosen key comes first, then a name that is a letter or digit; the others take what is left
  const taken = new Map();
  for (const name of state.classes) {
    const chosen = state.about[name]?.shortcut;
    if (chosen && !taken.has(chosen)) taken.set(chosen, name);
  }
  const chosen = new Set(taken.values());
  for (const name of state.classes) {
    const own = name.toLowerCase();
    if (/^[a-z0-9]$/.test(own) && !taken.has(own) && !chosen.has(name)) taken.set(own, name);
  }
  const free = (isMany() ? KEYS.slice(0, 9) : KEYS).filter((key) => !taken.has(key));
  keyOf = new Map([...taken].map(([key, name]) => [name, key]));
  for (const name of names) if (!keyOf.has(name) && free.length) keyOf.set(name, free.shift());
}

export const classOf = (key) => state.classes.find((name) => keyOf.get(name) === key);
export const opensAlike = () => !isMany() && !classOf("g"); // whether g is free for that

const plain = (text) => text.normalize("NFC").toLowerCase();

function fit(name, wanted) { // how well: 0 begins like that, 1 a word does, 2 it is somewhere, 3 not at all
  const text = plain(name);
  return text.startsWith(wanted) ? 0 : text.includes(` ${wanted}`) ? 1 : text.includes(wanted) ? 2 : 3;
}

function candidates() { // the classes to show, best first
  const wanted = plain($("filter").value.trim());
  if (!isMany()) return state.classes;
  if (wanted) return state.classes.filter((name) => fit(name, wanted) < 3).sort((a, b) => fit(a, wanted) - fit(b, wanted)).slice(0, SHOWN);
  const counts = state.status?.by_class ?? {}, label = state.current?.label;
  const often = [...state.classes].sort((a, b) => (counts[b] ?? 0) - (counts[a] ?? 0));
  return [...new Set([...(label ? [label] : []), ...used, ...often])].filter((name) => state.classes.includes(name)).slice(0, SHOWN);
}

function button(name) {
  const made = el("button", { type: "button", title: name, "aria-pressed": "false" }, el("span", { textContent: name, dir: "auto" }));
  const key = keyOf.get(name), { color } = state.about[name] ?? {};
  made.dataset.name = name;
  if (color) {
    made.prepend(el("i", { className: "swatch", "aria-hidden": "true" }));
    made.firstChild.style.background = color;
  }
  if (key) {
    made.prepend(el("kbd", { textContent: key, "aria-hidden": "true" }));
    made.setAttribute("aria-keyshortcuts", key);
  }
  return made;
}

function lay() {
  const names = candidates();
  assignKeys(names);
  $("classes").replaceChildren(...names.map(button));
  $("alike").firstChild.hidden = !opensAlike();
  if (opensAlike()) $("alike").setAttribute("aria-keyshortcuts", "g");
  else $("alike").removeAttribute("aria-keyshortcuts");
}

export function showClasses() {
  const box = $("classes");
  lay();
  box.classList.toggle("many", isMany());
  box.classList.toggle("short", state.classes.every((name) => name.length <= 3));
  box.classList.toggle("few", state.classes.length <= 4);
  box.classList.toggle("long", state.classes.some((name) => name.length > 12));
  $("zoom").hidden = state.kind === "row";
  $("filter").hidden = state.classes.length <= 15;
  $("filter").placeholder = isMany() ? "Type to find a class" : "Find a class (/)";
  filter();
  if (state.current) show(state.current);
}

export function filter() {
  if (isMany()) return lay();
  const wanted = plain($("filter").value.trim());
  $("classes").style.minHeight = wanted ? `${$("classes").offsetHeight}px` : ""; // the search field should not move
  for (const each of $("classes").children) each.hidden = !plain(each.dataset.name).includes(wanted);
}

export function unfilter(name) { // `name` was chosen
  if (name) used = [name, ...used.filter((other) => other !== name)].slice(0, SHOWN);
  $("filter").value = "";
  filter();
}

export function typeAhead(key) { // whether a letter that is no key of a class begins a search
  if (!isMany() || (state.drained && !state.current) || key.length !== 1 || !/[\p{L}\p{N}]/u.test(key)) return false;
  $("filter").focus();
  $("filter").value += key;
  filter();
  return true;
}
