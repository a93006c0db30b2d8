// Notes and marks: what a person writes about the sample that is shown, without deciding anything.

import { ask } from "./api.js";
import { $, el, say } from "./dom.js";
import { push } from "./outbox.js";
import { open } from "./questions.js";
import { showSaid } from "./said.js";
import { state } from "./state.js";

const MARKS = { "": "no mark", look: "⚑ look at it again", example: "★ good example of its class" };

async function known(made) { // all notes about a sample; nothing if the server cannot be asked now
  if (made.notes) return made.notes;
  try {
    return (await ask(`api/notes/${made.sample}?person=${encodeURIComponent(state.person)}`)).notes;
  } catch {
    return [];
  }
}

function write(made, notes, note, flag) {
  const others = notes.filter(({ person }) => person !== state.person);
  made.notes = note || flag ? [...others, { person: state.person, note, flag }] : others;
  push("api/note", { sample: made.sample, note, flag }, null, made.name);
  if (made === state.current) showSaid(made);
}

export async function askNote() {
  const made = state.current;
  if (!made?.node) return;
  const notes = await known(made), own = notes.find(({ person }) => person === state.person);
  const text = el("input", { value: own?.note ?? "", maxLength: state.limits.note, autocomplete: "off", "aria-label": "Note" });
  const marks = el("select", { "aria-label": "Mark" }, ...Object.entries(MARKS).map(([value, words]) => el("option", { value, textContent: words })));
  marks.value = own?.flag ?? "";
  const others = notes.filter(({ person, note }) => note && person !== state.person).map(({ person, note }) => el("p", { className: "quiet", textContent: `${person}: ${note}` }));
  const fine = await open("Note", [...others, text, marks], { yes: "Save" });
  $("stage").focus({ preventScroll: true });
  if (!fine) return;
  write(made, notes, text.value.trim(), marks.value);
  say(`Noted: ${made.name}.`);
}

export async function mark() { // "look at it again", on and off
  const made = state.current;
  if (!made?.node) return;
  const notes = await known(made), own = notes.find(({ person }) => person === state.person), on = own?.flag !== "look";
  write(made, notes, own?.note ?? "", on ? "look" : "");
  say(on ? `Marked to look at it again: ${made.name}.` : `No longer marked: ${made.name}.`);
}
