// Asks the server for the progress now and then, and draws what has changed; another window may have added a class.

import { ask } from "./api.js";
import { showClasses } from "./classes.js";
import { trouble } from "./notices.js";
import { showProgress } from "./progress.js";
import { state } from "./state.js";

const POLL = 2500; // milliseconds between two requests

export async function update() {
  try {
    state.status = await ask("api/status");
    if (state.status.classes.join("\n") !== state.classes.join("\n")) {
      state.classes = state.status.classes;
      showClasses();
    }
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
