// Decisions on their way to the server. Each is kept in this browser's storage until the server has acknowledged it, and
// they are sent one at a time, in order. A decision may be sent more than once, so each has a key that counts only once.

import { ask, Waiting } from "./api.js";
import { $, say, sleep } from "./dom.js";
import { notice, tellTrouble, trouble } from "./notices.js";
import { state, tab } from "./state.js";
import { forget, recallAll, remember } from "./storage.js";

let running = false, count = 0, refused = 0, prefix = "", whenEmpty = () => {};

export function openOutbox(project, then) { // what an earlier page could not send goes first; `then` runs after the last
  prefix = `iale ${project} `;
  whenEmpty = then;
  try {
    state.waiting = recallAll(prefix).map(([name, text]) => ({ name, ...JSON.parse(text) }));
  } catch { /* not ours: the page starts with nothing to send */ }
  run();
}

export function push(path, body, then, about = "") { // `then` gets the server's answer; returns the key
  const time = Date.now().toString(36).padStart(9, "0") + (count++).toString(36).padStart(5, "0"); // sorts by age
  const key = `${time}-${crypto.getRandomValues(new Uint32Array(3)).join("-")}`;
  const entry = { name: prefix + key, path, about, body: { ...body, person: state.person, tab, key } };
  remember(entry.name, JSON.stringify(entry));
  state.waiting.push({ ...entry, then });
  document.dispatchEvent(new CustomEvent("decided", { detail: path }));
  showSaved();
  run();
  return key;
}

async function run() {
  if (running) return;
  running = true;
  for (let pause = 500; state.waiting.length; ) {
    showSaved();
    const { name, path, about, body, then } = state.waiting[0];
    let answer = null;
    try {
      answer = await ask(path, body);
      trouble("outbox");
      pause = 500;
    } catch (error) {
      if (error instanceof Waiting) {
        trouble("outbox", error.message);
        await Promise.race([sleep(pause), new Promise((done) => addEventListener("online", done, { once: true }))]);
        pause = Math.min(2 * pause, 5000);
        continue;
      }
      trouble("outbox");
      refused += 1;
      say(""); // what was announced did not happen
      notice("refused", `Not saved${about && `, ${about}`}: ${error.message}`);
    }
    state.waiting.shift(); // only now: until here a closed page would have lost it
    forget(name);
    if (answer && then) then(answer);
  }
  running = false;
  showSaved();
  whenEmpty();
}

export async function settled() { // when all is sent, or after two seconds
  for (let tries = 0; state.waiting.length && tries < 40; tries++) await sleep(50);
}

export function showSaved() {
  const many = state.waiting.length;
  $("saved").textContent = many > 1 ? `${many} not saved yet` : many ? "Saving…" : refused ? `All saved, ${refused} refused` : "All saved";
  $("saved").className = many > 1 ? "waiting" : "quiet";
  tellTrouble(); // it names the same number
}
