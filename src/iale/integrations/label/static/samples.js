// Turns the server's answer for one sample into what the page shows: an image, a text, or a table of one row.

import { Refused } from "./api.js";
import { el } from "./dom.js";
import { state } from "./state.js";

export const thumbnail = (sample) => `samples/${sample}?edge=${state.limits.thumbnail}`; // the address of a small picture

export async function draw(made, response) {
  const type = response.headers.get("Content-Type") ?? "";
  if (type.startsWith("text/plain")) return el("p", { className: "text", dir: "auto", tabIndex: 0, textContent: await response.text() });
  if (type.startsWith("application/json")) {
    const cells = Object.entries(await response.json());
    return el("table", { className: "row", tabIndex: 0, "aria-label": `To label: ${made.name}` }, ...cells.map(([name, value]) =>
      el("tr", {}, el("th", { scope: "row", textContent: name }), el("td", { textContent: value }))));
  }
  const image = el("img", { alt: `To label: ${made.name}` });
  made.url = image.src = URL.createObjectURL(await response.blob());
  try {
    await image.decode(); // before it is shown, so that a key press never waits for it
  } catch {
    throw new Refused(`This browser cannot show ${made.name}.`);
  }
  image.classList.toggle("tiny", Math.max(image.naturalWidth, image.naturalHeight) <= 160);
  return image;
}

export function drop(made) { // frees the image; whoever still loads the sample stops
  made.dropped = true;
  if (made.url) URL.revokeObjectURL(made.url);
}
