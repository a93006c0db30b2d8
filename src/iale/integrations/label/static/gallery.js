// Review: what is labeled so far, one group for each class. A sample that is chosen is announced by an event, "correct".

import { ask } from "./api.js";
import { $, el, sleep } from "./dom.js";
import { state } from "./state.js";
import { update } from "./status.js";

export async function showGallery() {
  for (let tries = 0; state.waiting.length && tries < 40; tries++) await sleep(50); // so that it shows the latest decision
  await update();
  const groups = [...state.classes.map((name) => [name, state.status?.by_class[name] ?? 0]), [null, state.status?.skipped ?? 0]];
  const shut = new Set([...document.querySelectorAll("#labeled details:not([open])")].map((each) => each.dataset.name));
  const made = await Promise.all(groups.filter(([, count]) => count).map(async ([name, count]) => {
    const box = el("div", { className: state.kind === "image" ? "thumbs" : "thumbs words" });
    const group = el("details", { open: !shut.has(String(name)) }, el("summary", { textContent: `${name ?? "Skipped"} · ${count}`, dir: "auto" }), box);
    group.dataset.name = name;
    await list(name, box, 0);
    return group;
  }));
  const top = $("labeled").scrollTop; // after a correction the view should not jump
  const hint = made.length ? "Choose one to correct it." : "Nothing is labeled yet.";
  $("labeled").replaceChildren(el("h2", { textContent: "Labeled so far" }), el("p", { className: "quiet", textContent: hint }), ...made);
  $("labeled").scrollTop = top;
}

async function list(name, box, offset) {
  const many = state.limits.listed; // samples in one answer; a full answer means that there may be more
  try {
    const query = name === null ? "" : `label=${encodeURIComponent(name)}&`;
    const { rows } = await ask(`api/labeled?${query}offset=${offset}`);
    box.querySelector(".more")?.remove();
    box.append(...rows.map(thumb));
    if (rows.length === many) box.append(el("button", { type: "button", className: "more", textContent: "More", onclick: () => list(name, box, offset + many) }));
  } catch (error) {
    box.append(el("p", { className: "quiet", textContent: error.message }));
  }
}

function thumb(row) {
  const about = `${row.name}, ${row.label ?? "skipped"} by ${row.person}${row.note ? `: ${row.note}` : ""}`;
  const button = el("button", { type: "button", title: about, "aria-label": `Correct ${about}`, dir: "auto" });
  const gone = () => button.replaceChildren(row.name);
  if (state.kind === "image") {
    button.append(el("img", { src: `samples/${row.sample}?edge=${state.limits.thumbnail}`, loading: "lazy", alt: "", onerror: gone }));
  } else button.append(el("span", { textContent: row.text ?? row.name }));
  button.onclick = () => button.dispatchEvent(new CustomEvent("correct", { bubbles: true, detail: row }));
  return button;
}
