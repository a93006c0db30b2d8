// The samples to come. A few are fetched and decoded ahead of time, so that a key press never waits for the server.
//
// A sample here is a ticket of the server {sample, name, reason, guess} with these additions: label (what it was labeled so
// far, null if skipped), correct (whether it is shown for a correction), node (its element, once loaded), dropped, and url.

import { ask, Waiting } from "./api.js";
import { $, el, say, sleep } from "./dom.js";
import { notice, trouble } from "./notices.js";
import { push } from "./outbox.js";
import { draw, drop } from "./samples.js";
import { show } from "./stage.js";
import { state, tab } from "./state.js";
import { update } from "./status.js";

const HOLD = 10; // samples that are kept ready
let filling = false, leftOut = 0;

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
      trouble("sample");
      if (made === state.current) show(made);
      return;
    } catch (error) {
      if (!(error instanceof Waiting)) return leaveOut(made, error.message);
      if (made === state.current) trouble("sample", error.message);
      await sleep(1000);
    }
  }
}

function leaveOut(made, why) { // it cannot be shown: tell the person and the server, and go on
  if (made.dropped) return;
  drop(made);
  leftOut += 1;
  notice("left-out", `${why} It was left out${leftOut > 1 ? ` (${leftOut} so far)` : ""}. You can keep labeling.`);
  if (!made.correct) push("api/skip", { sample: made.sample, note: why });
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

async function finished() {
  await update();
  if (state.current) return;
  const s = state.status, all = s && s.labeled + s.skipped >= s.samples;
  const text = all
    ? "Everything is labeled. Check the labels under Review, or download them:"
    : "Nothing is left for you right now. Other people or windows hold the remaining samples, which appear here once they are released.";
  if ($("stage").textContent.includes(text)) return;
  const links = all ? [document.querySelector("#progress .links").cloneNode(true)] : [];
  $("stage").replaceChildren(el("div", { className: "empty" }, el("h2", { textContent: all ? "Done" : "Waiting" }), el("p", { textContent: text }), ...links));
  say(all ? "Everything is labeled." : "Nothing is left for you right now.");
}
