// Asks the server for the progress now and then, and draws what has changed; another window may have added a class.

import { followClasses } from "./about.js";
import { ask } from "./api.js";
import { notice, trouble } from "./notices.js";
import { showProgress } from "./progress.js";
import { state } from "./state.js";
import { recall, remember } from "./storage.js";

const POLL = 2500; // milliseconds between two requests

function tellFirst(told, key) { // somebody answered what this person had answered before
  const last = told.at(-1);
  if (!last) return;
  const { name, person, label, own } = last, more = told.length > 1 ? ` ${told.length - 1} more answers came late.` : "";
  const stands = label === own ? "That is what you said." : `Your ${own ?? "“cannot tell”"} stands, and the other is kept as a second opinion.`;
  notice("told", `${person} answered ${name} after you: ${label ?? "cannot tell"}. ${stands}${more}`);
  remember(key, String(last.number));
}

export async function update() {
  try {
    const key = `${state.personKey} told ${state.person}`; // the last late answer that this person was told of
    const query = `person=${encodeURIComponent(state.person)}&since=${recall(key) ?? 0}`;
    const [status, { told }] = await Promise.all([ask("api/status"), ask(`api/told?${query}`)]);
    state.status = status;
    tellFirst(told, key);
    await followClasses(status.class_changes);
    showProgress();
    trouble("status");
  } catch (error) {
    trouble("status", error.message);
  }
}

export async function watch() {
  if (!document.hidden) await update();
  setTimeout(watch, POLL);
}
