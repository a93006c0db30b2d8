// Long texts and tables move by the keys that people expect, without a Tab into them.

import { $ } from "./dom.js";

const LINE = 48; // pixels

export function scrollBy(key) { // whether there was something to move
  const box = $("stage").querySelector(".text, .row");
  if (!box) return false;
  const page = 0.9 * box.clientHeight;
  const way = { arrowup: [0, -LINE], arrowdown: [0, LINE], arrowleft: [-LINE, 0], arrowright: [LINE, 0],
    pageup: [0, -page], pagedown: [0, page], home: [0, -box.scrollHeight], end: [0, box.scrollHeight] }[key];
  if (!way || (box.scrollHeight <= box.clientHeight && box.scrollWidth <= box.clientWidth)) return false;
  box.scrollBy(...way);
  return true;
}
