// The learning curve as an SVG: accuracy on the random labels over the number of labels, with intervals and the fitted curve;
// what random labels alone would give, as a band; and what is expected after some more labels.

import { el, percent } from "./dom.js";

const W = 320, H = 190, LEFT = 34, RIGHT = 8, TOP = 8, BOTTOM = 30;

function svg(tag, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function scales(points) { // of all that is drawn, so nothing leaves the picture
  const counts = points.map((point) => point.labels), most = Math.max(...counts), least = Math.min(...counts);
  const lowest = Math.min(...points.map(({ accuracy, fitted }) => Math.min(accuracy.low ?? accuracy.value, fitted ?? 1)));
  const floor = Math.max(0, Math.floor(10 * lowest) / 10); // the axis starts at a multiple of 10%
  const x = (labels) => LEFT + ((labels - least) / Math.max(1, most - least)) * (W - LEFT - RIGHT);
  const y = (accuracy) => TOP + ((1 - accuracy) / (1 - floor || 1)) * (H - TOP - BOTTOM);
  return { x, y, least, most, floor };
}

function axes({ x, y, least, most, floor }) {
  const text = (words, attributes) => svg("text", attributes, words);
  const made = [], step = 1 - floor > 0.5 ? 0.2 : 0.1;
  for (let tick = 1; tick >= floor - 1e-9; tick -= step) {
    made.push(svg("line", { class: "axis", x1: LEFT, x2: W - RIGHT, y1: y(tick), y2: y(tick) }));
    made.push(text(Math.round(100 * tick), { x: LEFT - 6, y: y(tick) + 4, "text-anchor": "end" }));
  }
  const middle = Math.round((least + most) / 2);
  for (const tick of new Set(most > least ? [least, middle, most] : [most])) {
    const anchor = tick === most && most > least ? "end" : tick === least ? "start" : "middle";
    made.push(text(tick, { x: x(tick), y: H - BOTTOM + 15, "text-anchor": anchor }));
  }
  made.push(text("labels", { x: (W + LEFT) / 2, y: H - 2, "text-anchor": "middle" }));
  return made;
}

function interval({ x, y }, { labels, accuracy }) {
  return svg("line", { x1: x(labels), x2: x(labels), y1: y(accuracy.low), y2: y(accuracy.high ?? 1) });
}

function band({ x, y }, random) { // from the lower ends forward and the upper ends back
  if (random.length < 2) return [];
  const corner = (end) => ({ labels, accuracy }) => `${x(labels)},${y(accuracy[end] ?? 1)}`;
  const around = [...random.map(corner("low")), ...[...random].reverse().map(corner("high"))];
  const middle = random.map(corner("value"));
  return [svg("polygon", { class: "band", points: around.join(" ") }), svg("polyline", { class: "random", points: middle.join(" ") })];
}

function words(points, { at_random: random, expected, ahead }) {
  const first = points[0], last = points.at(-1), both = ({ low, high }) => `${percent(low)} to ${percent(high)}`;
  const said = [`Accuracy: ${percent(last.accuracy.value)} with ${last.labels} labels, ${percent(first.accuracy.value)} with ${first.labels}.`];
  if (random.value != null) said.push(`As many random labels would give ${both(random)}.`);
  if (expected.value != null) said.push(`After ${ahead} more labels, ${both(expected)} are expected.`);
  return said.join(" ");
}

export function curve(status) {
  const points = status.curve.filter((point) => point.accuracy.value != null);
  if (!points.length) return el("p", { className: "quiet", textContent: "The curve appears once a model is fitted and random labels can test it." });
  const random = status.random.filter((point) => point.accuracy.value != null);
  const next = status.expected.value == null ? [] : [{ labels: points.at(-1).labels + status.ahead, accuracy: status.expected }];
  const scale = scales([...points, ...random, ...next]), { x, y } = scale;
  const marks = svg("g", { class: "points" });
  for (const point of points) {
    if (point.accuracy.low != null) marks.append(interval(scale, point));
    marks.append(svg("circle", { cx: x(point.labels), cy: y(point.accuracy.value), r: 3 }));
  }
  const picture = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": words(points, status) }, ...axes(scale), ...band(scale, random));
  const fitted = points.filter((point) => point.fitted != null).map((point) => `${x(point.labels)},${y(point.fitted)}`);
  if (fitted.length > 1) picture.append(svg("polyline", { class: "fit", points: fitted.join(" ") }));
  picture.append(marks);
  for (const point of next) picture.append(svg("g", { class: "next" }, interval(scale, point), svg("circle", { cx: x(point.labels), cy: y(point.accuracy.value), r: 3 })));
  const about = `Accuracy on the random labels (%), with 95% intervals and the fitted curve${next.length ? `; at the right, what ${status.ahead} more labels should give` : ""}${random.length ? "; the band is what random labels alone would give" : ""}.`;
  return el("div", {}, picture, el("figcaption", { className: "quiet", textContent: about }));
}
