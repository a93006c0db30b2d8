// The side panel: how much is labeled, how good the model is, and whether more labels are worth it. Every estimate comes with
// its interval, or with the reason why it is not known yet.

import { curve } from "./curve.js";
import { $, el, percent } from "./dom.js";
import { notice } from "./notices.js";
import { state } from "./state.js";

function range({ value, low, high }, write, unit = "") { // null if nothing is known
  return value == null ? null : `${write(value)}${unit} (${write(low)} to ${write(high)})`;
}

function facts(s) { // [name, text] pairs; those without a text are not shown
  const hundred = (value) => String(Math.round(100 * value));
  const points = (value) => `${value < 0 ? "−" : ""}${Math.abs(100 * value).toFixed(1)}`;
  const unknown = (name) => (s.cannot_tell[name] || s.cannot_tell.accuracy ? "not known yet" : null);
  const fitting = s.fitting ? "fitting…" : null;
  return [
    ["Model", s.fits ? [`fitted to ${s.fitted_on} labels`, fitting].filter(Boolean).join(", ") : fitting ?? "none yet"],
    ["In use", s.model || null],
    ["Strategy", s.fits ? s.strategy : null],
    ["Mean confidence", s.confidence == null ? null : percent(s.confidence)],
    ["Accuracy", range(s.accuracy, hundred, "%") ?? unknown("accuracy")],
    ["Target", s.target == null ? null : percent(s.target)],
    ["Tested on", s.tested ? `${s.tested} random label${s.tested > 1 ? "s" : ""}` : null],
    [`Next ${s.batch} labels`, range(s.gain, points, " points") ?? unknown("gain")],
    [`With ${s.ahead} more`, range(s.expected, hundred, "%") ?? unknown("expected")],
    ["Random labels instead", range(s.at_random, hundred, "%") ?? unknown("at_random")],
    ["Agreement (κ)", s.twice ? range(s.kappa, (value) => value.toFixed(2)) ?? `${s.twice - s.disagreements.length} of ${s.twice} agree` : null],
    ...s.sources.filter(({ of }) => of).map(({ name, right, of }) =>
      [name === "model" ? "Model was right" : `${name} was right`, `${right} of ${of} (${percent(right / of)})`]),
  ];
}

export function showProgress() {
  const s = state.status;
  $("done").textContent = s.labeled;
  $("of").textContent = `of ${s.samples} labeled${s.skipped ? `, ${s.skipped} skipped` : ""}`;
  Object.assign($("bar"), { max: Math.max(1, s.samples), value: s.labeled + s.skipped });
  const rows = facts(s).filter(([, text]) => text);
  $("facts").replaceChildren(...rows.flatMap(([name, text]) => [el("dt", { textContent: name }), el("dd", { textContent: text, className: text.length > 60 ? "long" : "" })]));
  const why = [...new Set(Object.values(s.cannot_tell))].map((text) => el("li", { textContent: text }));
  $("why").replaceChildren(...why);
  $("unknown").hidden = !why.length;
  $("notes").replaceChildren(...s.notices.map((text) => el("p", { textContent: text })));
  const advice = `${s.advice.text} ${s.advice.reason}`.trim();
  $("advice").hidden = !advice;
  $("advice").classList.toggle("stop", s.advice.stop === true);
  if ($("advice").textContent !== advice) $("advice").textContent = advice; // or screen readers would repeat it
  $("curve").replaceChildren(curve(s));
  notice("fit", s.problem && `The model could not be fitted: ${s.problem} Your labels are still saved.`);
}
