// What is written about classes: guidelines, colors and chosen keys, as the server has them.

import { ask } from "./api.js";
import { showClasses } from "./classes.js";
import { state } from "./state.js";

let known = -1; // the number of acts on classes that this page knows of

export function take({ classes, text, acts, changes }) { // the server's answer to any question about classes
  state.classes = classes.map(({ name }) => name);
  state.about = Object.fromEntries(classes.map((each) => [each.name, each]));
  state.guidelines = text;
  state.classActs = acts;
  known = changes;
  showClasses();
  document.dispatchEvent(new Event("classes"));
}

export async function readClasses() {
  take(await ask("api/classes"));
}

export async function followClasses(changes) { // after a colleague has changed them
  if (changes !== known) await readClasses();
}
