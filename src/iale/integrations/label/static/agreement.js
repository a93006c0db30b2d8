// How well people agree: everybody, each person, each class, and over time.

import { ask } from "./api.js";
import { $, el, percent } from "./dom.js";

const two = (value) => (value == null ? "–" : value.toFixed(2));
const day = (seconds) => new Date(1000 * seconds).toISOString().slice(0, 10);

function range({ value, low, high }, write) {
  return value == null ? "–" : low == null || high == null ? write(value) : `${write(value)} (${write(low)} to ${write(high)})`;
}

function table(title, first, list, kappa, name = (each) => each.name) {
  const head = [first, "twice", "agree", kappa].map((text) => el("th", { scope: "col", textContent: text }));
  const rows = list.map((each) => el("tr", {}, el("th", { scope: "row", textContent: name(each), dir: "auto" }),
    ...[each.count, range(each.same, percent), range(each.kappa, two)].map((text) => el("td", { textContent: text }))));
  return el("table", { className: "agreed" }, el("caption", { textContent: title }), el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows));
}

export async function showAgreement() {
  if (!$("agreement").open) return;
  const box = $("agreed");
  try {
    const found = await ask("api/agreement");
    if (!found.all) {
      box.replaceChildren(el("p", { className: "quiet", textContent: "No sample has labels of two people yet." }));
      return;
    }
    const { count, same, kappa } = found.all, have = count === 1 ? "1 sample has" : `${count} samples have`;
    const alpha = kappa.value == null ? "" : ` Krippendorff’s α is ${two(kappa.value)}: 1 is perfect, 0 is chance.`;
    const all = el("p", { textContent: `${have} labels of two people, who agree on ${range(same, percent)}.${alpha}` });
    box.replaceChildren(all, table("Each person against the others", "person", found.people, "Cohen’s κ"),
      table("Each class against the others", "class", found.classes, "Cohen’s κ"),
      table("Over time", "until", found.windows, "α", (each) => day(each.until)));
  } catch (error) {
    box.replaceChildren(el("p", { className: "quiet", textContent: error.message }));
  }
}
