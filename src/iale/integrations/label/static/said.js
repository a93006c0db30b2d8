// What people and a model said about a sample that is looked at again, and what is noted about it.

import { $, percent } from "./dom.js";

const SIGNS = { look: "⚑ ", example: "★ " };

export function showSaid(made) {
  const row = made?.row, said = [];
  if (row) {
    const known = row.answers.length ? row.answers : [row];
    said.push(...known.map(({ person, label }) => `${person}: ${label ?? "cannot tell"}`));
    if (row.guess.length) said.push(`a model that has not seen this label: ${row.guess[0][0]} (${percent(row.guess[0][1])})`);
    if (row.confirmed) said.push(`confirmed by ${row.confirmed}`);
  }
  const notes = made?.notes ?? row?.notes ?? [];
  said.push(...notes.map(({ person, note, flag }) => `${SIGNS[flag] ?? "✎ "}${person}${note ? `: ${note}` : ""}`));
  $("said").textContent = said.join(" · ");
  $("said").hidden = !said.length;
}
