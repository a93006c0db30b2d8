// The dialog, and what it is used for: the person's name, a new class, and the list of keys.

import { acted } from "./acts.js";
import { opensAlike, showClasses, unfilter } from "./classes.js";
import { $, el, say } from "./dom.js";
import { push } from "./outbox.js";
import { refill } from "./queue.js";
import { drop } from "./samples.js";
import { state } from "./state.js";
import { remember } from "./storage.js";

export function open(title, body, { yes = "OK", no = true } = {}) { // resolves to whether it was confirmed
  $("dialog-title").textContent = title;
  $("dialog-body").replaceChildren(...body);
  $("dialog-yes").textContent = yes;
  $("dialog-no").hidden = !no;
  $("dialog-no").onclick = () => $("dialog").close("no");
  $("dialog").returnValue = "no";
  $("dialog").showModal();
  return new Promise((done) => $("dialog").addEventListener("close", () => done($("dialog").returnValue === "yes"), { once: true }));
}

export async function askName(must) { // asks until there is a name, if there must be one
  for (;;) {
    const input = el("input", { value: state.person, maxLength: state.limits.name, autocomplete: "off", "aria-label": "Your name" });
    const fine = await open("Who is labeling?", [el("p", { textContent: "Your name is saved with every label." }), input], { no: !must });
    if (fine && input.value.trim()) {
      remember(state.personKey, input.value.trim());
      return setPerson(input.value.trim());
    }
    if (!must) return;
  }
}

export function setPerson(name) {
  if (name !== state.person) for (const made of state.queue.splice(0)) drop(made); // they were handed to the other person
  state.person = name;
  $("person").textContent = name;
  $("person").setAttribute("aria-label", `Who is labeling: ${name}`);
  refill();
}

export async function askClass() {
  const input = el("input", { maxLength: state.limits.name, autocomplete: "off", "aria-label": "Name of the new class" });
  const fine = await open("New class", [input], { yes: "Add" }), name = input.value.trim();
  $("stage").focus({ preventScroll: true }); // otherwise a later key would press "+ Class" again
  if (!fine || !name) return;
  if (state.classes.includes(name)) return say(`The class ${name} already exists.`);
  const act = push("api/class", { label: name }, (answer) => {
    state.classes = answer.classes;
    showClasses();
    unfilter(name); // among many, it is shown as if it had been used
    say(`New class: ${name}.`);
  });
  acted({ name, act });
}

export function help() {
  const keys = [["1 … 9, a … z", "choose the class that shows the key"], ["Enter", "accept the suggestion; in a review, keep the label"],
    ...(opensAlike() ? [["g", "look-alikes: one key labels a sheet of them"]] : []), ["Shift+G", "look-alikes of the last label"], ["Backspace", "undo; with Shift, the last one of a sheet"], [".", "cannot tell"],
    ["Space", "zoom; the arrow keys move the image"], ["Arrows, Page, Home, End", "move a long text or table"], ["/", "find a class; if there are many, just type"],
    [",", "note something about the sample"], ["!", "mark it: look again"], ["=", "guidelines"], ["Escape", "leave a correction, zoom, or search"],
    ["?", "show this list"], ["Tab, Enter", "reach and press everything else"]];
  const rows = keys.map(([key, text]) => el("tr", {}, el("td", {}, el("kbd", { textContent: key })), el("td", { textContent: text })));
  const box = el("input", { type: "checkbox", checked: state.useKeys, id: "single" });
  box.style.width = "auto";
  box.onchange = () => {
    state.useKeys = box.checked;
    remember("iale-keys", state.useKeys ? "on" : "off");
  };
  open("Keys", [el("table", {}, ...rows), el("label", {}, box, " Use these keys (turn them off for speech input)")], { yes: "Close", no: false });
}
