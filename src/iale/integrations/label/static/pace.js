// How many samples this person has decided since the page was opened, and how fast lately.

import { $ } from "./dom.js";

const LATELY = 300000; // milliseconds
const DECIDE = ["api/label", "api/skip", "api/review"];
let count = 0, times = [];

function show() {
  const now = Date.now();
  times = times.filter((time) => now - time < LATELY);
  const minutes = Math.max(1, (now - (times[0] ?? now)) / 60000);
  const pace = times.length > 4 ? `, ${Math.round(times.length / minutes)} a minute` : "";
  $("pace").textContent = count ? `${count} by you since this page was opened${pace}.` : "";
}

export function watchPace() {
  document.addEventListener("decided", ({ detail }) => {
    if (DECIDE.includes(detail)) {
      count += 1;
      times.push(Date.now());
    } else if (detail === "api/undo" && count) {
      count -= 1;
      times.pop();
    } else return;
    show();
  });
  setInterval(show, 10000);
}
