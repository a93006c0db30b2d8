// The view of the classes: rename, merge, remove, describe, choose a color and a key, and undo any of that.

import { readClasses, take } from "./about.js";
import { $, el, say } from "./dom.js";
import { heading } from "./guide.js";
import { markdown } from "./markdown.js";
import { notice } from "./notices.js";
import { push } from "./outbox.js";
import { askClass, open } from "./questions.js";
import { state } from "./state.js";

const DID = {
  rename: ({ label, into }) => `renamed ${label} to ${into}`, merge: ({ label, into }) => `merged ${label} into ${into}`,
  remove: ({ label }) => `removed ${label}`, describe: ({ label }) => `described ${label ?? "the project"}`,
};

const send = (what, body, text) => push(`api/class/${what}`, body, (answer) => { take(answer); say(text); }, text);
const field = (label, input) => el("label", { className: "field" }, el("span", { textContent: label }), input);

async function rename(name) {
  const input = el("input", { value: name, maxLength: state.limits.name, autocomplete: "off" });
  const fine = await open(`Rename ${name}`, [field("New name", input), el("p", { className: "quiet", textContent: "All its labels get the new name. The old one stays known: files and pages that still use it mean this class." })], { yes: "Rename" });
  const into = input.value.trim();
  if (fine && into && into !== name) send("rename", { label: name, into }, `${name} is called ${into} now.`);
}

async function merge(name) {
  const others = state.classes.filter((other) => other !== name);
  const input = el("select", {}, ...others.map((other) => el("option", { value: other, textContent: other })));
  const { count } = state.about[name];
  const fine = await open(`Merge ${name}`, [field("into", input), el("p", { className: "quiet", textContent: `Its ${count} labels count as labels of the other class. You can undo that.` })], { yes: "Merge" });
  if (fine) send("merge", { label: name, into: input.value }, `${name} is part of ${input.value} now.`);
}

async function remove(name) {
  const text = `Its ${state.about[name].count} labels are set aside, and their samples are asked for again. Undo brings both back.`;
  if (await open(`Remove ${name}?`, [el("p", { textContent: text })], { yes: "Remove" })) send("remove", { label: name }, `${name} is removed.`);
}

async function describe(name) {
  const { text, color, shortcut } = name ? state.about[name] : { text: state.guidelines, color: "", shortcut: "" };
  const words = el("textarea", { value: text ?? "", rows: 8, maxLength: state.limits.text });
  const key = el("input", { value: shortcut, maxLength: 1, autocomplete: "off" });
  const paint = el("input", { type: "color", value: color || "#888888" }), colored = el("input", { type: "checkbox", checked: Boolean(color) });
  paint.oninput = () => { colored.checked = true; };
  const extra = name ? [el("div", { className: "fields" }, field("Key", key), field("Color", paint), field("Use the color", colored))] : [];
  const hint = "Markdown: # heading, - list, **bold**, *italic*, `code`, [link](address). HTML stays text.";
  const fine = await open(name ? `About ${name}` : "About the project", [field("Guidelines", words), el("p", { className: "quiet", textContent: hint }), ...extra], { yes: "Save" });
  const about = name ? { color: colored.checked ? paint.value : "", shortcut: key.value.trim() } : {};
  if (fine) send("describe", { label: name, text: words.value, ...about }, `Saved what is written about ${name || "the project"}.`);
}

function row(name) {
  const { count, shortcut, text } = state.about[name];
  const facts = [`${count} label${count === 1 ? "" : "s"}`, shortcut && `key ${shortcut}`].filter(Boolean).join(", ");
  const act = (words, run) => el("button", { type: "button", textContent: words, "aria-label": `${words} ${name}`, onclick: () => run(name) });
  const acts = [act("Describe", describe), act("Rename", rename), ...(state.classes.length > 1 ? [act("Merge", merge)] : []), act("Remove", remove)];
  return el("li", {}, heading("h3", name), el("span", { className: "quiet", textContent: facts }), el("div", { className: "row-acts" }, ...acts), ...(text ? [markdown(text)] : []));
}

function done(act) {
  const when = new Date(1000 * act.time).toLocaleString();
  const undo = el("button", { type: "button", textContent: "Undo", "aria-label": `Undo: ${DID[act.kind](act)}` });
  undo.onclick = () => send("undo", { of: act.number }, `Undone: ${DID[act.kind](act)}.`);
  return el("li", {}, el("span", { textContent: `${act.person} ${DID[act.kind](act)}` }), el("span", { className: "quiet", textContent: when }), undo);
}

function draw() {
  if (document.body.dataset.view !== "classes") return;
  const add = el("button", { type: "button", textContent: "+ Class", onclick: async () => { await askClass(); setTimeout(showClassView, 300); } });
  const about = el("button", { type: "button", textContent: "Describe the project", onclick: () => describe("") });
  const acts = state.classActs.slice(0, 30).map(done);
  $("classview").replaceChildren(el("h2", { textContent: "Classes" }), el("p", { className: "row-acts" }, add, about),
    ...(state.guidelines ? [markdown(state.guidelines)] : []), el("ul", { className: "class-list" }, ...state.classes.map(row)),
    ...(acts.length ? [el("h2", { textContent: "What was changed" }), el("ul", { className: "act-list" }, ...acts)] : []));
}

export async function showClassView() {
  draw();
  try {
    await readClasses();
    notice("classview", "");
  } catch (error) {
    notice("classview", error.message);
  }
}

export function watchClassView() {
  document.addEventListener("classes", draw);
}
