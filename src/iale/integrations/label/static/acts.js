// What a person decides about a sample: label, skip, undo, correct. The page goes on at once; the outbox does the saving.

import { take } from "./about.js";
import { $, say } from "./dom.js";
import { notice } from "./notices.js";
import { push } from "./outbox.js";
import { advance, item } from "./queue.js";
import { decideAgain, putBack } from "./review.js";
import { drop } from "./samples.js";
import { show } from "./stage.js";
import { state } from "./state.js";
import { suggested } from "./suggest.js";
import { view } from "./views.js";

const REMEMBER = 20; // decisions that can be undone without asking the server for the sample
const past = [];

function decide(path, body, text) {
  const made = state.current;
  if (!made?.node || !made.drawn) return; // nobody has seen it yet
  made.act = push(path, { sample: made.sample, asked: true, ...body }, tellLate, made.name);
  remember(Object.assign(made, { said: body.label }));
  advance();
  say(state.current ? `${text} Next: ${state.current.name}.` : text);
}

export function remember(made) { // a sample, or a sheet of them that knows how to be undone
  past.push(made);
  if (past.length > REMEMBER) drop(past.shift());
  tellLast();
}

function tellLast() { // others can be like the last one only if it was labeled alone
  $("like").disabled = !last()?.said;
}

export const last = () => past.at(-1) ?? null;

export function accept() {
  if (state.current?.correct) return decideAgain(state.current.label, remember);
  const name = suggested(state.current);
  if (name !== null) label(name);
}

export function label(name) {
  const made = state.current;
  if (made?.correct) decideAgain(name, remember);
  else if (made) decide("api/label", { label: name }, `${name}: ${made.name}.`);
}

export function skip() {
  const made = state.current;
  if (!made) return;
  if (made.correct) return decideAgain(null, remember);
  decide("api/skip", { note: "" }, `Cannot tell: ${made.name}.`);
}

export function tellLate({ late }) { // somebody else was faster
  if (!late) return;
  const { name, person, label: theirs, own } = late, same = theirs === own;
  notice("late", `${person} had answered ${name} before you: ${theirs ?? "cannot tell"}. ${same ? "You agree." : "That stands, and yours is kept as a second opinion."}`);
}

export function acted(added) { // a class was added: Undo takes that back, and not the label before it
  past.push({ added });
  tellLast();
}

function takeBack({ name, act }) {
  say(`Taking back the class ${name}…`);
  push("api/class/take-back", { act }, (answer) => {
    take(answer);
    say(answer.number ? `The class ${name} is gone again.` : `The class ${name} was there before, so it stays.`);
  }, `the class ${name} stays`);
}

export function undo(whole = true) { // of a sheet, all of it or the last one
  const last = past.pop();
  tellLast();
  if (last?.added) return takeBack(last.added);
  if (last?.again) {
    const one = last.again(whole);
    if (one?.more) past.push(last);
    if (one) again(item({ sample: one.sample, name: one.name, reason: "alike", guess: [] }), `Undone: ${one.name}.`);
  } else if (last) {
    again(last, `Undoing ${last.name}…`);
    push("api/undo", { sample: last.sample, act: last.act }, (answer) => tellUndone(answer, last), last.name);
  } else push("api/undo", {}, ({ sample, name, now }) => { // an earlier page decided it, so the server says which sample it was
    if (sample) again(item({ sample, name, reason: "undone", guess: [], label: now }, now !== null), `Undone: ${name}.`);
    else say("There is nothing to undo.");
  });
}

function tellUndone({ sample, now }, made) { // what the server answered, which may not be what was hoped
  if (sample && state.current === made && now !== null) { // an earlier answer holds again
    Object.assign(made, { correct: true, label: now });
    show(made);
  }
  if (!sample) notice("undo", `Nothing was taken back for ${made.name}: the answer that you meant is not recorded.`);
  else if (state.current === made) say(`Undone: ${made.name}.`);
}

function again(made, text) {
  if (state.current) putBack(state.current);
  state.queue = state.queue.filter((other) => other.sample !== made.sample);
  show(made);
  view("label");
  say(text);
}
