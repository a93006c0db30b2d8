// Why this one: a word or two about the sample that is shown, and labeled samples of the likeliest classes beside it.

import { ask } from "./api.js";
import { $, chance, el } from "./dom.js";
import { thumbnail } from "./samples.js";
import { state } from "./state.js";

const REST = 150; // milliseconds that a sample is on the screen before the server is asked: who is faster needs no reasons

export function showWhy(made) {
  draw(made?.why);
  if (!made || made.correct || made.why !== undefined) return;
  made.why = null; // on its way
  setTimeout(async () => {
    made.why = undefined;
    if (state.current !== made) return;
    try {
      made.why = await ask(`api/why?sample=${made.sample}`);
    } catch {
      made.why = null; // it helps, and nothing depends on it
    }
    if (state.current === made) draw(made.why);
  }, REST);
}

function draw(found) {
  $("words").replaceChildren(...(found?.words ?? []).map((text) => el("span", { className: "chip", textContent: text })));
  const groups = (found?.examples ?? []).map(example);
  const title = el("h2", { textContent: "Labeled look-alikes" });
  $("near").replaceChildren(...(groups.length ? [title, ...groups] : []));
  $("near").hidden = !groups.length;
}

function example({ label, probability, samples }) {
  const shown = samples.map(({ sample, name, text }) => (state.kind === "image"
    ? el("img", { src: thumbnail(sample), alt: `${name}, labeled ${label}`, title: name })
    : el("p", { textContent: text, title: name, dir: "auto" })));
  return el("figure", { className: state.kind === "image" ? "example" : "example words" },
    el("figcaption", {}, el("span", { textContent: label, dir: "auto" }), chance(probability)), ...shown);
}
