// Labels that are looked at again: one, or a list one by one, with the keys of the label page. The class that is there
// confirms it, another one corrects it, and where people disagree it decides.

import { say } from "./dom.js";
import { push } from "./outbox.js";
import { advance, item } from "./queue.js";
import { drop } from "./samples.js";
import { show } from "./stage.js";
import { state } from "./state.js";
import { view } from "./views.js";

let steps = [], many = 0; // what is still to be looked at, next first; how many it was

function loaded(row) { // the sample of a row, which begins to load
  if (!row.made || row.made.dropped) row.made = item({ sample: row.sample, name: row.name, reason: "chosen", guess: [], label: row.label, row }, true);
  return row.made;
}

export function correct(row) { // one alone
  steps = [];
  many = 0;
  showRow(row);
}

export function lookAt(rows) {
  steps = rows.slice();
  many = rows.length;
  showRow(steps.shift());
}

function showRow(row) {
  if (state.current && !state.current.correct) state.queue.unshift(state.current);
  show(loaded(row));
  view("label");
  const place = many ? `${many - steps.length} of ${many}: currently` : "Currently";
  say(`${place} ${row.label ?? "skipped"}. Enter keeps it, another class corrects it.`);
  if (steps.length) loaded(steps[0]);
}

function leave() { // back to the list
  for (const row of steps) if (row.made) drop(row.made);
  steps = [];
  many = 0;
  state.current = null;
  advance();
  view("labeled");
}

export function decideAgain(label, remember) { // `remember` gets the sample, so that it can be undone
  const made = state.current;
  if (!made?.node || !made.drawn) return; // nobody has seen it yet
  if (!made.row && label === made.label) return keepIt();
  const [path, body] = made.row ? ["api/review", { label, seen: made.row.seen }]
    : label === null ? ["api/skip", { note: "" }] : ["api/label", { label }]; // an undo brought it, and an earlier answer holds
  made.act = push(path, { sample: made.sample, ...body }, null, made.name);
  remember(made);
  say(`${label ?? "Cannot tell"}: ${made.name}.`);
  if (steps.length) showRow(steps.shift());
  else leave();
}

export function keepIt() { // leaves a correction without changing anything
  if (!state.current?.correct) return;
  drop(state.current);
  leave();
}

export function putBack(made) { // a sample that was undone is shown before this one
  if (made.correct && many) steps.unshift(made.row);
  else if (!made.correct) state.queue.unshift(made);
}
