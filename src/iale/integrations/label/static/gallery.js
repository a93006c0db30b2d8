// Review: labeled samples in an order in which to look at them again. A sample that is chosen is announced by an event,
// "correct", and a whole list that is to be looked at one by one by "look".

import { ask, Waiting } from "./api.js";
import { $, el, percent } from "./dom.js";
import { settled } from "./outbox.js";
import { thumbnail } from "./samples.js";
import { state } from "./state.js";
import { update } from "./status.js";

const DAY = 86400;
const ORDERS = { newest: "newest first", model: "the model disagrees", people: "people disagree", confidence: "lowest confidence" };
const ANY = "any"; // no name of a class or person can be chosen by this value: those begin with "="
let rows = [], total = 0, asked = 0, typing = 0;

function choice(id, label, options) { // keeps what is chosen if it is still offered
  const box = $(id), before = box.value;
  box.replaceChildren(...Object.entries(options).map(([value, text]) => el("option", { value, textContent: text })));
  box.setAttribute("aria-label", label);
  if (before in options) box.value = before;
}

function fill() {
  const names = Object.fromEntries(state.classes.map((name) => [`=${name}`, name]));
  const people = Object.fromEntries(Object.keys(state.status?.people ?? {}).map((name) => [`=${name}`, name]));
  choice("by-order", "Order", ORDERS);
  choice("by-class", "Class", { [ANY]: "all classes", ...names, "=": "skipped" });
  choice("by-person", "Person", { [ANY]: "everybody", ...people });
  choice("by-time", "Time", { [ANY]: "any time", d1: "last day", d7: "last week", d30: "last month" });
  choice("by-mark", "Mark", { [ANY]: "all marks", look: "look again", example: "good example" });
}

function query(offset) {
  const wish = new URLSearchParams({ order: $("by-order").value, offset }), time = $("by-time").value;
  if ($("by-class").value !== ANY) wish.set("label", $("by-class").value.slice(1));
  if ($("by-person").value !== ANY) wish.set("person", $("by-person").value.slice(1));
  if (time !== ANY) wish.set("since", Math.floor(Date.now() / 1000 - DAY * time.slice(1)));
  if ($("by-mark").value !== ANY) wish.set("flag", $("by-mark").value);
  if ($("by-words").value.trim()) wish.set("words", $("by-words").value.trim());
  return wish;
}

export async function showGallery() {
  await settled(); // so that it shows the latest decision
  await update();
  fill();
  await list(0);
}

async function list(offset) {
  const number = ++asked, top = $("labeled").scrollTop; // after a correction the view should not jump
  if (!offset) $("review-told").textContent = "Looking…";
  try {
    const found = await ask(`api/review?${query(offset)}`);
    if (number !== asked) return; // another list was asked for meanwhile
    rows = offset ? [...rows, ...found.rows] : found.rows;
    total = found.total;
    tell(found.why_not);
    if (found.left && !offset) again(number);
    $("rows").className = state.kind === "image" ? "thumbs" : "thumbs words";
    $("rows").replaceChildren(...rows.map(thumb));
    if (rows.length < total) $("rows").append(el("button", { type: "button", className: "more", textContent: `More (${total - rows.length})`, onclick: () => list(rows.length) }));
    $("labeled").scrollTop = top;
  } catch (error) {
    if (number !== asked) return;
    $("review-told").textContent = error.message;
    if (error instanceof Waiting) again(number);
  }
}

function again(number) { // in a moment, unless something else is asked for
  setTimeout(() => { if (number === asked && document.body.dataset.view === "labeled") list(0); }, 1000);
}

function tell(whyNot) {
  const any = [...$("wish").elements].some(({ id, value }) => id !== "by-order" && value && value !== ANY);
  const none = { newest: "Nothing is labeled yet.", people: "No two people disagree.", model: "The model disagrees with no label.", confidence: "There is nothing to be unsure of." };
  const order = $("by-order").value, count = `${total.toLocaleString("en")} sample${total === 1 ? "" : "s"}.`; // some of them are skipped
  $("review-told").textContent = [total ? count : any ? "Nothing fits." : none[order], total ? "" : whyNot, total && whyNot].filter(Boolean).join(" ");
  $("one-by-one").hidden = !total;
}

function thumb(row) {
  const now = row.label ?? "skipped";
  const about = `${row.name}, ${now} by ${row.person}${row.note ? `: ${row.note}` : ""}`;
  const button = el("button", { type: "button", title: about });
  const shown = state.kind === "image"
    ? el("img", { src: thumbnail(row.sample), loading: "lazy", alt: "", onerror: () => shown.replaceWith(row.name) })
    : el("span", { textContent: row.text || row.name, dir: "auto" });
  const [best] = row.guess, other = best && best[0] !== row.label ? ` → ${best[0]} ${percent(best[1])}` : best ? ` ${percent(best[1])}` : "";
  const said = row.disputed ? [...new Set(row.answers.map(({ label }) => label ?? "skipped"))].join(" or ") : now;
  button.append(el("b", { className: "unseen", textContent: `Correct ${about}: ` }), shown, el("small", { textContent: said + other, dir: "auto", className: row.disputed || (best && best[0] !== row.label) ? "strong" : "" }));
  if (row.notes.length) button.append(el("small", { className: "quiet", textContent: row.notes.map(({ flag }) => (flag === "example" ? "★" : flag ? "⚑" : "✎")).join("") }));
  button.onclick = () => button.dispatchEvent(new CustomEvent("correct", { bubbles: true, detail: row }));
  return button;
}

export function openGallery() { // connects what chooses the list
  $("wish").addEventListener("change", ({ target }) => { if (target !== $("by-words")) list(0); });
  $("by-words").addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(() => list(0), 250); });
  $("wish").addEventListener("submit", (event) => { event.preventDefault(); list(0); });
  $("one-by-one").onclick = () => $("labeled").dispatchEvent(new CustomEvent("look", { detail: rows }));
}
