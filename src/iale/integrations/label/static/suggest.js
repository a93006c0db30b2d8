// Suggestions: what the model and imported predictions say of the sample that is shown. The first one can be accepted with
// Enter. The server sends none for the honest test and for second opinions.

import { $, chance, el } from "./dom.js";

const sure = ({ probability }) => chance(probability);
const who = ({ source }) => (source === "model" ? "the model" : source);

export const suggested = (made) => made?.suggestions?.[0]?.label ?? null;

export function showSuggestions(made) {
  const [best, ...others] = made?.suggestions ?? [];
  $("accept").hidden = !best;
  $("guess").hidden = !best;
  for (const button of $("classes").children) button.classList.toggle("suggested", button.dataset.name === best?.label);
  if (!best) return;
  $("accept").replaceChildren(el("kbd", { textContent: "⏎", "aria-hidden": "true" }), el("span", { textContent: best.label, dir: "auto" }), sure(best));
  $("accept").setAttribute("aria-label", `Accept what ${who(best)} suggests: ${best.label}${sure(best)}`);
  const rest = others.map((each) => `${who(each)}: ${each.label}${sure(each)}`);
  $("guess").textContent = [`suggested by ${who(best)}`, ...rest].join(" · ");
}
