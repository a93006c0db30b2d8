// The grid: a sheet of look-alikes, all taken for what is suggested. What is not alike is deselected, and one key labels the
// rest. Every tile is still an act of its own, so a sheet is undone at once or one by one.

import { last, remember, tellLate } from "./acts.js";
import { ask, Refused } from "./api.js";
import { $, el, say, sentence } from "./dom.js";
import { push, settled } from "./outbox.js";
import { advance, item } from "./queue.js";
import { thumbnail } from "./samples.js";
import { state, tab } from "./state.js";
import { view } from "./views.js";

const KEYS = [..."123456789abcdefhijklmnop"]; // of the tiles; g opens the grid
const TILE = { image: [150, 150], text: [290, 110], row: [290, 110] }; // pixels of a tile, about

let sheet = null, opening = false; // {label, tiles}; a tile is {sample, name, text, on, node, drawn}

export const isOpen = () => sheet !== null;

function wanted() { // as many as fit on the screen, so that one glance is enough
  const [width, height] = TILE[state.kind], box = $("label").getBoundingClientRect();
  return Math.floor(box.width / width) * Math.floor(Math.max(0, box.height - 110) / height);
}

export async function openGrid(made = state.current) { // of what is shown, or of what was just labeled
  const current = state.current;
  if (!made?.node || made.correct || sheet || opening) return;
  opening = true;
  await settled(); // the server must know the last label
  try {
    const found = await ask("api/grid", { person: state.person, tab, sample: made.sample, count: wanted() });
    state.sheet = found.samples.map(({ sample }) => sample);
    if (state.current === current && document.body.dataset.view === "label") lay(found.label, found.samples.map((each) => ({ ...each, on: true })));
    else giveBack(state.sheet);
  } catch (error) {
    say(error instanceof Refused ? sentence(error.message) : "The server cannot be reached, so there are no look-alikes now.");
  }
  opening = false;
}

export function openLike() {
  return last()?.said ? openGrid(last()) : say("Nothing was just labeled alone, so no others can be like it.");
}

function lay(label, tiles) {
  sheet = { label, tiles };
  state.sheet = tiles.map(({ sample }) => sample);
  tiles.forEach((each, at) => { each.node = tile(each, KEYS[at]); });
  $("tiles").className = state.kind === "image" ? "" : "words";
  $("tiles").replaceChildren(...tiles.map(({ node }) => node));
  count();
  view("grid");
  tiles[0].node.focus({ preventScroll: true });
  say(`${tiles.length} look-alikes, all taken for ${label}.`);
}

function tile(made, key) {
  const button = el("button", { type: "button", title: made.name, "aria-pressed": String(made.on), "aria-keyshortcuts": key });
  made.drawn = state.kind !== "image";
  if (made.drawn) button.append(el("span", { textContent: made.text, dir: "auto" }));
  else {
    const image = el("img", { alt: made.name, src: thumbnail(made.sample) });
    image.onload = () => { made.drawn = true; count(); };
    image.onerror = () => { made.on = false; button.disabled = true; button.replaceChildren(made.name); count(); };
    button.append(image);
  }
  button.append(el("kbd", { textContent: key, "aria-hidden": "true" }));
  button.onclick = () => toggle(made);
  return button;
}

function toggle(made) {
  made.on = !made.on;
  made.node.setAttribute("aria-pressed", String(made.on));
  made.node.focus({ preventScroll: true });
  count();
}

const chosen = () => sheet.tiles.filter(({ on, drawn }) => on && drawn); // what nobody has seen does not count

function count() {
  if (!sheet) return;
  const many = chosen().length, left = sheet.tiles.length - many;
  $("grid-about").replaceChildren("Deselect what is not ", el("strong", { textContent: sheet.label, dir: "auto" }), left ? `; ${left} ${left > 1 ? "are" : "is"} left out.` : ".");
  $("grid-yes").replaceChildren(el("kbd", { textContent: "⏎", "aria-hidden": "true" }), many ? `Label ${many} as ` : "Label none", el("span", { textContent: many ? sheet.label : "", dir: "auto" }));
}

export function acceptGrid() {
  if (!sheet) return;
  const { label, tiles } = sheet, taken = chosen(), names = new Set(taken.map(({ sample }) => sample));
  const rest = tiles.filter(({ sample }) => !names.has(sample));
  close();
  for (const { sample, name } of taken) push("api/label", { sample, label, asked: true }, tellLate, name);
  if (taken.length) remember({ again: (all) => undo(label, tiles, taken, all) });
  giveBack(rest.filter(({ drawn }) => !drawn).map(({ sample }) => sample));
  state.queue = state.queue.filter(({ sample }) => !names.has(sample));
  askAlone(rest.filter(({ drawn }) => drawn));
  if (!state.current || names.has(state.current.sample)) advance();
  view("label");
  say(taken.length ? `${label}: ${taken.length} samples. Undo takes all of them back, with Shift the last one.` : "Nothing is labeled.");
}

function askAlone(rest) { // what was deselected comes next, without the suggestion that was just refused
  const waiting = new Map(state.queue.map((each) => [each.sample, each])), samples = new Set(rest.map(({ sample }) => sample));
  const next = rest.filter(({ sample }) => sample !== state.current?.sample).map(({ sample, name }) => waiting.get(sample) ?? item({ sample, name, reason: "alike", guess: [], suggestions: [] }));
  state.queue = [...next, ...state.queue.filter(({ sample }) => !samples.has(sample))];
  for (const each of [state.current, ...next]) if (samples.has(each?.sample)) each.suggestions = [];
}

function undo(label, tiles, taken, all) { // true if some of the sheet are still labeled
  const back = all ? taken.splice(0) : taken.splice(-1);
  for (const { sample } of back) push("api/undo", { sample });
  if (!all) return { sample: back[0].sample, name: back[0].name, more: taken.length > 0 };
  lay(label, tiles.filter((each) => back.includes(each)).map((each) => ({ ...each, on: true })));
  say(`Undone: ${back.length} samples.`);
  return null;
}

export function closeGrid() { // what was not held before goes back to the others; returns whether there was a sheet
  if (!sheet) return false;
  const kept = new Set([state.current, ...state.queue].map((each) => each?.sample));
  const rest = sheet.tiles.map(({ sample }) => sample).filter((sample) => !kept.has(sample));
  close();
  giveBack(rest);
  view("label");
  say("The sheet is closed; nothing of it is labeled.");
  return true;
}

function close() {
  sheet = null;
  state.sheet = [];
  $("tiles").replaceChildren();
}

function giveBack(samples) {
  if (samples.length) push("api/ungrid", { samples });
}

export function gridKey(event) { // whether the key meant something
  const at = sheet.tiles.findIndex(({ node }) => node === document.activeElement), columns = getComputedStyle($("tiles")).gridTemplateColumns.split(" ").length;
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
  const made = sheet.tiles[KEYS.indexOf(event.key.toLowerCase())];
  if (event.key === "Escape") closeGrid();
  else if (step) (sheet.tiles[at + step] ?? sheet.tiles[at] ?? sheet.tiles[0]).node.focus();
  else if (event.key === "Enter" && (at >= 0 || !event.target.closest?.("button, a, summary"))) acceptGrid();
  else if (state.useKeys && made && !event.shiftKey && !made.node.disabled) toggle(made);
  else return false;
  return true;
}
