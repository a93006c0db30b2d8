// Zoom: the image at 2.5 times the size that fits, but never below its own pixels; arrow keys and scrolling move it.

import { $ } from "./dom.js";

export const isZoomed = () => $("stage").classList.contains("zoomed");

export function zoom(x = 0.5, y = 0.5) { // toggles; the point x, y of the image (0 to 1) comes to the middle if it can
  const stage = $("stage"), image = stage.querySelector("img"), on = !isZoomed();
  const fit = image && Math.min(stage.clientWidth / image.naturalWidth, stage.clientHeight / image.naturalHeight);
  stage.classList.toggle("zoomed", on);
  if (image) image.style.width = on ? `${Math.max(2.5 * fit, 1) * image.naturalWidth}px` : "";
  $("zoom").setAttribute("aria-pressed", String(on));
  stage.tabIndex = on ? 0 : -1; // it scrolls, so Tab reaches it
  if (!on) return;
  stage.focus({ preventScroll: true }); // so that the arrow keys scroll it
  stage.scrollTo(x * stage.scrollWidth - stage.clientWidth / 2, y * stage.scrollHeight - stage.clientHeight / 2);
}
