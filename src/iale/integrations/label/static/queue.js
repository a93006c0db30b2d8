// The samples to come. A few are fetched and decoded ahead of time, so that a key press never waits for the server.
//
// A sample here is a ticket of the server {sample, name, reason, guess} with these additions: label (what it was labeled so
// far, null if skipped), correct (whether it is shown for a correction), node (its element, once loaded), dropped, and url.

import { ask, Away, Waiting } from "./api.js";
import { $, el, say, sleep } from "./dom.js";
import { notice, trouble } from "./notices.js";
import { push } from "./outbox.js";
import { draw, drop } from "./samples.js";
import { show } from "./stage.js";
import { state, tab } from "./state.js";
import { update } from "./status.js";

const HOLD = 10; // samples that are kept ready
const GONE = 3; // samples in a row whose data are away: then the page waits, because more will be
const away = new Set(); // ids of samples that were put off because their data are away
let filling = false, leftOut = 0, missed = 0;

export function item(ticket, correct = false) {
  const made = { label: null, ...ticket, correct, node: null };
  load(made);
  return made;
}

async function load(made) {
  while (!made.dropped) {
    try {
      const response = await ask(`samples/${made.sample}`);
      made.node = await draw(made, response);
      missed = 0;
      trouble("sample");
      if (away.delete(made.sample) && !away.size) notice("away", "");
      if (made === state.current) show(made);
      return;
    } catch (error) {
      if (made.dropped) return;
      if (!(error instanceof Waiting)) return leaveOut(made, error.message);
      const absent = error instanceof Away;
      if (absent && ++missed < GONE) return putOff(made, error.message);
      if (absent) trouble("sample", `${GONE} samples in a row are away: the data are gone. Put them back.`);
      else if (made === state.current) trouble("sample", error.message);
      await sleep(1000);
    }
  }
}

function leaveOut(made, why) { // it cannot be shown, which is no decision of the person
  leftOut += 1;
  notice("left-out", `${why} It was left out${leftOut > 1 ? ` (${leftOut} so far)` : ""}.`);
  if (!made.correct) push("api/pass-over", { sample: made.sample, why });
  goOnWithout(made);
}

function putOff(made, why) { // the server hands it out again when its data are back
  away.add(made.sample);
  notice("away", `${why} It comes back when its data do.`);
  goOnWithout(made);
}

function goOnWithout(made) {
  drop(made);
  state.queue = state.queue.filter((other) => other !== made);
  if (made === state.current) advance();
}

export async function refill() {
  if (!state.person || filling || state.queue.length >= HOLD - 2) return;
  filling = true;
  const mine = [state.current, ...state.queue].filter((each) => each && !each.correct).map((each) => each.sample);
  const have = [...new Set([...mine, ...state.sheet])];
  const unsaved = new Set(state.waiting.map((entry) => entry.body.sample)); // the server still takes these for unlabeled
  try {
    const held = [...have, ...unsaved].slice(0, state.limits.held);
    const { tickets } = await ask("api/next", { person: state.person, tab, count: HOLD + unsaved.size, have: held });
    const known = new Set([...have, ...unsaved, ...state.waiting.map((entry) => entry.body.sample)]);
    const fresh = tickets.filter((ticket) => !known.has(ticket.sample));
    state.queue.push(...fresh.map((ticket) => item(ticket)));
    state.drained = !fresh.length && !state.queue.length && !state.waiting.length;
    trouble("next");
  } catch (error) {
    trouble("next", error.message);
    setTimeout(refill, 2000);
  }
  filling = false;
  if (!state.current) advance();
}

export function advance() {
  const next = state.queue.shift() ?? null;
  show(next);
  if (!next) {
    if (state.drained) finished();
    setTimeout(() => { if (!state.current) refill(); }, state.drained ? 4000 : 0);
  }
  if (next) setTimeout(refill, 0); // after the new sample is on the screen
}

const many = (count) => (count === 1 ? "1 sample" : `${count} samples`);

function whatIsLeft({ held, away: gone, unshown }) { // [a heading, sentences, whether people are done]
  const done = !held && !gone, could = unshown ? " that can be shown" : "";
  const text = [
    done ? `Everything${could} is labeled or skipped.` : "Nothing is left for you right now.",
    held && `Other people or windows hold ${many(held)}: what they release appears here.`,
    gone && `The data of ${many(gone)} are away or were changed: what comes back is asked for.`,
    unshown && `${many(unshown)} could not be shown.`,
    done && "Check the labels under Review, or download them:",
  ];
  return [done ? "Done" : "Waiting", text.filter(Boolean).join(" "), done];
}

async function finished() {
  if (state.waiting.length) { // the outbox calls `refill`, and that this, when all is saved
    $("stage").replaceChildren(el("p", { className: "empty quiet", textContent: "Saving…" }));
    return;
  }
  const [left] = await Promise.all([ask("api/left").catch(() => null), update()]);
  if (state.current || !left) return;
  const [heading, text, done] = whatIsLeft(left);
  if ($("stage").textContent.includes(text)) return;
  const links = done ? [document.querySelector("#progress .links").cloneNode(true)] : [];
  $("stage").replaceChildren(el("div", { className: "empty" }, el("h2", { textContent: heading }), el("p", { textContent: text }), ...links));
  say(text);
}
