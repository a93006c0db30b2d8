// The page: shows what to label next, keeps what was decided until the server has it on its disk, says what went wrong.
// All text from people and files is set as text, never as HTML.
"use strict";

const HOLD = 10; // samples kept ready, so that a key press never waits for the server
const REMEMBER = 20; // decisions that can be undone without asking the server what they were
const POLL = 2500; // milliseconds between two looks at the progress
const PATIENCE = 10000; // milliseconds after which a request is sent again
const DECODING = 60000; // the same for a sample, which may be a large photograph
const KEYS = [..."123456789abcdefghijklmnopqrstuvwxyz0"];
const SKIP = ".";
const REASONS = {
  query: "helps the model most", explore: "may be a new class", first: "to begin with", random: "drawn at random",
  test: "random, for the honest test", second: "second opinion", imported: "imported", chosen: "correction",
};

const $ = (id) => document.getElementById(id);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const percent = (value, digits = 0) => `${(100 * value).toFixed(digits)} %`;

function el(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  for (const [name, value] of Object.entries(properties)) if (name.includes("-") || name === "role") node.setAttribute(name, value);
  node.append(...children);
  return node;
}

let classes = [], keyOf = new Map(), kind = "image", person = "", personKey = "", classify = true;
let queue = [], current = null, past = []; // items: ready ones, the one that is shown, those decided last
let filling = false, drained = false, leftOut = 0;

// ---- the server ----------------------------------------------------------------------------------------------------

class Refused extends Error {} // the server understood and said no: asking again would not help
class Waiting extends Error {} // worth another try

async function ask(path, body) {
  const options = { signal: AbortSignal.timeout(path.startsWith("samples/") ? DECODING : PATIENCE) };
  if (body) Object.assign(options, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  let response;
  try {
    response = await fetch(path, options);
    if (response.ok) return path.startsWith("samples/") ? response : await response.json();
  } catch {
    throw new Waiting("The server cannot be reached.");
  }
  const { error } = await response.json().catch(() => ({ error: `The server answered ${response.status}.` }));
  if (response.status < 500 && ![401, 403, 408, 421, 429].includes(response.status)) throw new Refused(error);
  throw new Waiting(error);
}

const noticed = new Map();

function notice(id, text) { // one line for each kind of trouble; no text takes it away, and what was dismissed stays away
  if (noticed.get(id) === text) return;
  noticed.set(id, text);
  document.querySelector(`[data-notice="${id}"]`)?.remove();
  if (!text) return;
  const line = el("p", { className: "notice" }, el("span", { textContent: text }));
  line.dataset.notice = id;
  line.append(el("button", { type: "button", textContent: "✕", "aria-label": "Dismiss", onclick: () => line.remove() }));
  $("notices").append(line);
}

const troubles = new Map(); // what is waited for, and why it does not come

function trouble(what, why = "") {
  troubles.set(what, why);
  const reasons = [...new Set(troubles.values())].filter(Boolean).join(" ");
  const many = outbox.waiting.length;
  const kept = many > 1 ? `${many} decisions are kept in this browser and` : many ? "One decision is kept in this browser and" : "It is";
  notice("trouble", reasons && `${reasons} ${kept} tried again until it works; you can go on.`);
}

function say(text) { $("live").textContent = text; }

// ---- the outbox: decisions in order, in this browser's storage until they are acknowledged -----------------------------

const outbox = {
  waiting: [], running: false, count: 0, prefix: "",

  open(project) { // what an earlier page could not send comes first; the keys see to it that nothing counts twice
    this.prefix = `iale ${project} `;
    try {
      const names = Object.keys(localStorage).filter((name) => name.startsWith(this.prefix)).sort();
      this.waiting = names.map((name) => ({ name, ...JSON.parse(localStorage.getItem(name)) }));
    } catch { /* no storage: the page alone remembers */ }
    this.run();
  },

  push(path, body, then) {
    const time = Date.now().toString(36).padStart(9, "0") + (this.count++).toString(36).padStart(5, "0");
    const key = `${time}-${crypto.getRandomValues(new Uint32Array(3)).join("-")}`;
    const entry = { name: this.prefix + key, path, body: { ...body, person, tab, key } };
    try { localStorage.setItem(entry.name, JSON.stringify(entry)); } catch { /* full or forbidden */ }
    this.waiting.push({ ...entry, then });
    this.run();
  },

  async run() {
    if (this.running) return;
    this.running = true;
    for (let pause = 500; this.waiting.length; ) {
      this.show();
      const { name, path, body, then } = this.waiting[0];
      let answer = null;
      try {
        answer = await ask(path, body);
        trouble("outbox");
        pause = 500;
      } catch (error) {
        if (error instanceof Waiting) {
          trouble("outbox", error.message);
          await Promise.race([sleep(pause), new Promise((done) => addEventListener("online", done, { once: true }))]);
          pause = Math.min(2 * pause, 5000);
          continue;
        }
        trouble("outbox");
        notice("refused", `Not saved: ${error.message}`);
      }
      this.waiting.shift();
      try { localStorage.removeItem(name); } catch { /* as above */ }
      if (answer && then) then(answer);
    }
    this.running = false;
    this.show();
    refill();
  },

  show() {
    const many = this.waiting.length;
    $("saved").textContent = many > 1 ? `${many} not saved yet` : many ? "Saving …" : "All saved";
    $("saved").className = many > 1 ? "waiting" : "quiet";
  },
};

// ---- samples: fetched and decoded before they are shown ------------------------------------------------------------------

function item(ticket, correct = false) { // what is corrected has a label, or null where it was skipped
  const made = { label: null, ...ticket, correct, node: null };
  made.loaded = load(made);
  return made;
}

async function load(made) {
  while (!made.dropped) {
    try {
      const response = await ask(`samples/${made.sample}`);
      made.node = await draw(made, response);
      trouble("sample");
      if (made === current) show(made);
      return;
    } catch (error) {
      if (error instanceof Waiting) {
        if (made === current) trouble("sample", error.message);
        await sleep(1000);
      } else {
        leaveOut(made, error.message);
        return;
      }
    }
  }
}

async function draw(made, response) {
  const type = response.headers.get("Content-Type") ?? "";
  if (type.startsWith("text/plain")) return el("p", { className: "text", dir: "auto", textContent: await response.text() });
  if (type.startsWith("application/json")) {
    const cells = Object.entries(await response.json());
    return el("table", { className: "row" }, ...cells.map(([name, value]) =>
      el("tr", {}, el("th", { scope: "row", textContent: name }), el("td", { textContent: value }))));
  }
  const image = el("img", { alt: `To label: ${made.name}` });
  made.url = image.src = URL.createObjectURL(await response.blob());
  try {
    await image.decode();
  } catch {
    throw new Refused(`${made.name} cannot be shown by this browser.`);
  }
  image.classList.toggle("tiny", Math.max(image.naturalWidth, image.naturalHeight) <= 160);
  return image;
}

function drop(made) {
  made.dropped = true;
  if (made.url) URL.revokeObjectURL(made.url);
}

function leaveOut(made, why) { // a sample that cannot be shown: say so, tell the server, go on
  if (made.dropped) return;
  drop(made);
  leftOut += 1;
  notice("left-out", `${why} It was left out${leftOut > 1 ? `, as ${leftOut > 2 ? "were" : "was"} ${leftOut - 1} before it` : ""}; labeling goes on.`);
  if (!made.correct) outbox.push("api/skip", { sample: made.sample, note: why });
  queue = queue.filter((other) => other !== made);
  if (made === current) advance();
}

async function refill() {
  if (!person || filling || queue.length >= HOLD - 2) return;
  filling = true;
  const have = [current, ...queue].filter((each) => each && !each.correct).map((each) => each.sample);
  const unsaved = new Set(outbox.waiting.map((entry) => entry.body.sample));
  try {
    const { tickets } = await ask("api/next", { person, tab, count: HOLD + unsaved.size, have: [...have, ...unsaved].slice(0, 32) });
    const known = new Set([...have, ...unsaved, ...outbox.waiting.map((entry) => entry.body.sample)]);
    const fresh = tickets.filter((ticket) => !known.has(ticket.sample));
    queue.push(...fresh.map((ticket) => item(ticket)));
    drained = !fresh.length && !queue.length && !outbox.waiting.length;
    trouble("next");
  } catch (error) {
    trouble("next", error.message);
    setTimeout(refill, 2000);
  }
  filling = false;
  if (!current) advance();
}

// ---- what is shown -------------------------------------------------------------------------------------------------------

function show(made) {
  current = made;
  const stage = $("stage");
  if (stage.classList.contains("zoomed")) zoom();
  if (made?.node) stage.replaceChildren(made.node);
  else if (made || !drained) stage.replaceChildren(el("p", { className: "empty quiet", textContent: "Loading …" }));
  $("name").textContent = made ? made.name : "";
  $("reason").hidden = !made;
  $("reason").textContent = !made ? "" : made.correct ? `now: ${made.label ?? "skipped"}` : REASONS[made.reason] ?? made.reason;
  $("reason").classList.toggle("strong", Boolean(made?.correct));
  const [best] = made?.guess ?? [];
  $("guess").textContent = best ? `the model would say ${best[0]} (${percent(best[1])})` : "";
  for (const button of $("classes").children) {
    button.setAttribute("aria-pressed", String(button.dataset.name === made?.label));
    button.disabled = !made && drained;
  }
  $("zoom").disabled = !made && drained;
  $("skip").disabled = !made;
  $("keep").hidden = !made?.correct;
}

function advance() {
  const next = queue.shift() ?? null;
  show(next);
  if (!next) {
    if (drained) finished();
    setTimeout(() => { if (!current) refill(); }, drained ? 4000 : 0);
  }
  if (next) setTimeout(refill, 0); // after the new picture is on the screen
}

async function finished() {
  await update();
  if (current) return;
  const all = status && status.labeled + status.skipped >= status.samples;
  const text = all
    ? "Everything is labeled. Look through the labels under Review, or take them with you:"
    : "Nothing is left for you now: the rest is with other people or windows. It comes here when they leave it.";
  if ($("stage").textContent.includes(text)) return;
  const links = all ? [document.querySelector("#progress .links").cloneNode(true)] : [];
  $("stage").replaceChildren(el("div", { className: "empty" }, el("h2", { textContent: all ? "Done" : "Waiting" }), el("p", { textContent: text }), ...links));
  say(all ? "Everything is labeled." : "Nothing is left for you now.");
}

function decide(path, body, text) {
  const made = current;
  if (!made?.node) return; // nobody has seen it yet
  outbox.push(path, { sample: made.sample, ...body });
  past.push(made);
  if (past.length > REMEMBER) drop(past.shift());
  if (made.correct) { // back to where it was asked for
    current = null;
    say(text);
    advance();
    view("labeled");
    return;
  }
  advance();
  say(current ? `${text} Next: ${current.name}.` : text);
}

function label(name) {
  if (current?.correct && current.label === name) keep();
  else if (current) decide("api/label", { label: name }, `${name}: ${current.name}.`);
}

function skip() {
  if (!current) return;
  if (current.correct && current.label === null) return keep();
  decide("api/skip", { note: "" }, `Cannot tell: ${current.name}.`);
}

function keep() { // ends a correction without one
  if (!current?.correct) return;
  drop(current);
  advance();
  view("labeled");
}

function undo() {
  const last = past.pop();
  if (last) {
    outbox.push("api/undo", { sample: last.sample });
    again(last);
    return;
  }
  outbox.push("api/undo", {}, ({ sample, name }) => {
    if (sample) again(item({ sample, name, reason: "chosen", guess: [] }));
    else say("There is nothing to undo.");
  });
}

function again(made) {
  if (current) queue.unshift(current);
  queue = queue.filter((other) => other.sample !== made.sample);
  show(made);
  view("label");
  say(`Undone: ${made.name}.`);
}

function zoom(x = 0.5, y = 0.5) { // and the place at x, y of the picture in the middle, if it can be
  const stage = $("stage"), image = stage.querySelector("img"), on = !stage.classList.contains("zoomed");
  const fit = image && Math.min(stage.clientWidth / image.naturalWidth, stage.clientHeight / image.naturalHeight);
  stage.classList.toggle("zoomed", on);
  if (image) image.style.width = on ? `${Math.max(2.5 * fit, 1) * image.naturalWidth}px` : "";
  $("zoom").setAttribute("aria-pressed", String(on));
  if (!on) return;
  stage.focus({ preventScroll: true });
  stage.scrollTo(x * stage.scrollWidth - stage.clientWidth / 2, y * stage.scrollHeight - stage.clientHeight / 2);
}

function assignKeys() { // a class whose name is a letter or a digit has that key; the others take what is left, in order
  const own = classes.filter((name) => KEYS.includes(name.toLowerCase()));
  const taken = new Map(own.map((name) => [name.toLowerCase(), name]).reverse());
  const free = KEYS.filter((key) => key !== "0" && !taken.has(key));
  keyOf = new Map(classes.map((name) => [name, taken.get(name.toLowerCase()) === name ? name.toLowerCase() : free.shift()]));
}

function showClasses() {
  assignKeys();
  const names = classes.map((name) => {
    const key = keyOf.get(name);
    const button = el("button", { type: "button", title: name, "aria-pressed": "false" }, el("span", { textContent: name, dir: "auto" }));
    button.dataset.name = name;
    if (key) {
      button.prepend(el("kbd", { textContent: key, "aria-hidden": "true" }));
      button.setAttribute("aria-keyshortcuts", key);
    }
    button.onclick = (event) => {
      label(name);
      unfilter();
      if (event.detail) $("stage").focus({ preventScroll: true }); // a later key should not press the button again
    };
    return button;
  });
  $("classes").replaceChildren(...names);
  $("classes").classList.toggle("short", classes.every((name) => name.length <= 3));
  $("classes").classList.toggle("few", classes.length <= 4);
  $("classes").classList.toggle("long", classes.some((name) => name.length > 12));
  $("zoom").hidden = kind === "row";
  $("filter").hidden = classes.length <= 15;
  filter();
  if (current) show(current);
}

function unfilter() {
  $("filter").value = "";
  filter();
}

function filter() {
  const wanted = $("filter").value.trim().toLowerCase();
  $("classes").style.minHeight = wanted ? `${$("classes").offsetHeight}px` : ""; // what is typed in should not move
  for (const button of $("classes").children) button.hidden = !button.dataset.name.toLowerCase().includes(wanted);
}

// ---- progress ------------------------------------------------------------------------------------------------------------

let status = null;

async function update() {
  try {
    status = await ask("api/status");
    if (status.classes.join("\n") !== classes.join("\n")) {
      classes = status.classes;
      showClasses();
    }
    showProgress();
    trouble("status");
  } catch (error) {
    trouble("status", error.message);
  }
}

async function look() {
  if (!document.hidden) await update();
  setTimeout(look, POLL);
}

function range({ value, low, high }, write, unit = "") {
  if (value == null) return low == null ? null : `at least ${write(low)}${unit}`;
  const ends = low == null ? "" : high == null ? ` (at least ${write(low)})` : ` (${write(low)} to ${write(high)})`;
  return `${write(value)}${unit}${ends}`;
}

function showProgress() {
  const s = status, whole = (value) => String(Math.round(value)), hundred = (value) => whole(100 * value);
  const points = (value) => `${value < 0 ? "−" : ""}${Math.abs(100 * value).toFixed(1)}`;
  $("done").textContent = s.labeled;
  $("of").textContent = `of ${s.samples} labeled${s.skipped ? `, ${s.skipped} skipped` : ""}`;
  Object.assign($("bar"), { max: Math.max(1, s.samples), value: s.labeled + s.skipped });
  const cannot = (name) => (s.cannot_tell[name] || s.cannot_tell.accuracy ? "cannot tell yet" : null);
  const fitting = s.fitting ? "fitting …" : null;
  const facts = [
    ["Model", s.fits ? [`from ${s.fitted_on} labels`, fitting].filter(Boolean).join(", ") : fitting ?? "none yet"],
    ["Chosen by", s.fits ? s.strategy : null],
    ["Sure, on average", s.confidence == null ? null : percent(s.confidence)],
    ["Accuracy", range(s.accuracy, hundred, " %") ?? cannot("accuracy")],
    ["Tested on", s.tested ? `${s.tested} random label${s.tested > 1 ? "s" : ""}` : null],
    [`Next ${s.batch} labels`, range(s.gain, points, " points") ?? cannot("gain")],
    [`Labels to ${s.target == null ? "the target" : percent(s.target)}`, range(s.to_target, whole) ?? cannot("to_target")],
    ["Labels saved", range(s.saved, whole) ?? cannot("saved")],
    ["Agreement (κ)", s.twice ? range(s.kappa, (value) => value.toFixed(2)) ?? `${s.twice - s.disagreements.length} of ${s.twice} alike` : null],
  ];
  const rows = facts.filter(([, text]) => text).flatMap(([name, text]) => [el("dt", { textContent: name }), el("dd", { textContent: text })]);
  const why = [...new Set(Object.values(s.cannot_tell))].map((text) => el("li", { textContent: text }));
  $("why").replaceChildren(...why);
  $("unknown").hidden = !why.length;
  $("notes").replaceChildren(...s.notices.map((text) => el("p", { textContent: text })));
  $("facts").replaceChildren(...rows);
  const advice = `${s.advice.text} ${s.advice.reason}`.trim();
  $("advice").hidden = !advice;
  $("advice").classList.toggle("stop", s.advice.stop === true);
  if ($("advice").textContent !== advice) $("advice").textContent = advice;
  $("curve").replaceChildren(curve(s.curve));
  notice("fit", s.problem && `The model was not fitted: ${s.problem} Labels are saved as before.`);
}

function curve(points) {
  const known = points.filter((point) => point.accuracy.value != null);
  if (!known.length) return el("p", { className: "quiet", textContent: "It is drawn when a model was fitted and some random labels test it." });
  const W = 320, H = 190, left = 34, right = 8, top = 8, bottom = 30;
  const most = Math.max(...known.map((point) => point.labels)), least = Math.min(...known.map((point) => point.labels));
  const lowest = Math.min(...known.map(({ accuracy, fitted }) => Math.min(accuracy.low ?? accuracy.value, fitted ?? 1)));
  const floor = Math.max(0, Math.floor(10 * lowest) / 10);
  const x = (labels) => left + ((labels - least) / Math.max(1, most - least)) * (W - left - right);
  const y = (accuracy) => top + ((1 - accuracy) / (1 - floor || 1)) * (H - top - bottom);
  const svg = (tag, attributes, ...children) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  };
  const text = (words, attributes) => svg("text", attributes, words);
  const latest = known.at(-1);
  const picture = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img",
    "aria-label": `Accuracy over labels: ${percent(latest.accuracy.value)} with ${latest.labels} labels, from ${percent(known[0].accuracy.value)} with ${known[0].labels}.` });
  const step = 1 - floor > 0.5 ? 0.2 : 0.1;
  for (let tick = 1; tick >= floor - 1e-9; tick -= step) {
    picture.append(svg("line", { class: "axis", x1: left, x2: W - right, y1: y(tick), y2: y(tick) }));
    picture.append(text(Math.round(100 * tick), { x: left - 6, y: y(tick) + 4, "text-anchor": "end" }));
  }
  const middle = Math.round((least + most) / 2);
  for (const tick of new Set(most > least ? [least, middle, most] : [most])) {
    picture.append(text(tick, { x: x(tick), y: H - bottom + 15, "text-anchor": tick === most && most > least ? "end" : tick === least ? "start" : "middle" }));
  }
  picture.append(text("labels", { x: (W + left) / 2, y: H - 2, "text-anchor": "middle" }));
  const marks = svg("g", { class: "points" });
  for (const { labels, accuracy } of known) {
    if (accuracy.low != null) marks.append(svg("line", { x1: x(labels), x2: x(labels), y1: y(accuracy.low), y2: y(accuracy.high ?? 1) }));
    marks.append(svg("circle", { cx: x(labels), cy: y(accuracy.value), r: 3 }));
  }
  const fitted = known.filter((point) => point.fitted != null).map((point) => `${x(point.labels)},${y(point.fitted)}`);
  if (fitted.length > 1) picture.append(svg("polyline", { class: "fit", points: fitted.join(" ") }));
  picture.append(marks);
  return el("div", {}, picture, el("figcaption", { className: "quiet", textContent: "Accuracy on the random labels in %, with 95% intervals, and the fitted curve." }));
}

// ---- labeled so far, with correction ---------------------------------------------------------------------------------------

async function gallery() {
  for (let tries = 0; outbox.waiting.length && tries < 40; tries++) await sleep(50); // so that it shows what was decided last
  await update();
  const groups = [...classes.map((name) => [name, status?.by_class[name] ?? 0]), [null, status?.skipped ?? 0]];
  const shut = new Set([...document.querySelectorAll("#labeled details:not([open])")].map((each) => each.dataset.name));
  const made = await Promise.all(groups.filter(([, count]) => count).map(async ([name, count]) => {
    const box = el("div", { className: kind === "image" ? "thumbs" : "thumbs words" });
    const group = el("details", { open: !shut.has(String(name)) }, el("summary", { textContent: `${name ?? "Skipped"} · ${count}`, dir: "auto" }), box);
    group.dataset.name = name;
    await list(name, box, 0);
    return group;
  }));
  const top = $("labeled").scrollTop; // stays where it was after a correction
  const hint = made.length ? "Choose one to correct it." : "Nothing is labeled yet.";
  $("labeled").replaceChildren(el("h2", { textContent: "Labeled so far" }), el("p", { className: "quiet", textContent: hint }), ...made);
  $("labeled").scrollTop = top;
}

async function list(name, box, offset) {
  try {
    const query = name === null ? "" : `label=${encodeURIComponent(name)}&`;
    const { rows } = await ask(`api/labeled?${query}offset=${offset}`);
    box.querySelector(".more")?.remove();
    box.append(...rows.map(thumb));
    if (rows.length === 60) box.append(el("button", { type: "button", className: "more", textContent: "More", onclick: () => list(name, box, offset + 60) }));
  } catch (error) {
    box.append(el("p", { className: "quiet", textContent: error.message }));
  }
}

function thumb(row) {
  const about = `${row.name}, ${row.label ?? "skipped"} by ${row.person}${row.note ? `: ${row.note}` : ""}`;
  const button = el("button", { type: "button", title: about, "aria-label": `Correct ${about}`, dir: "auto" });
  const gone = () => button.replaceChildren(row.name);
  if (kind === "image") button.append(el("img", { src: `samples/${row.sample}?edge=160`, loading: "lazy", alt: "", onerror: gone }));
  else button.append(el("span", { textContent: row.text ?? row.name }));
  button.onclick = () => correct(row);
  return button;
}

function correct(row) {
  if (current) queue.unshift(current);
  show(item({ sample: row.sample, name: row.name, reason: "chosen", guess: [], label: row.label }, true));
  view("label");
  say(`Now ${row.label ?? "skipped"}: choose a class, or keep it.`);
}

function view(name) {
  document.body.dataset.view = name;
  for (const button of document.querySelectorAll("nav button")) {
    if (button.dataset.go === name) button.setAttribute("aria-current", "page");
    else button.removeAttribute("aria-current");
  }
  if (name === "labeled") gallery().then(() => $("labeled").focus({ preventScroll: true }));
  if (name === "label") $("stage").focus({ preventScroll: true });
}

// ---- questions ---------------------------------------------------------------------------------------------------------------

function open(title, body, { yes = "OK", no = true } = {}) { // resolves to whether it was confirmed
  $("dialog-title").textContent = title;
  $("dialog-body").replaceChildren(...body);
  $("dialog-yes").textContent = yes;
  $("dialog-no").hidden = !no;
  $("dialog-no").onclick = () => $("dialog").close("no");
  $("dialog").returnValue = "no";
  $("dialog").showModal();
  return new Promise((done) => $("dialog").addEventListener("close", () => done($("dialog").returnValue === "yes"), { once: true }));
}

async function askName(must) {
  for (;;) {
    const input = el("input", { value: person, maxLength: 60, autocomplete: "off", "aria-label": "Your name" });
    const fine = await open("Who labels?", [el("p", { textContent: "The name goes with every label." }), input], { no: !must });
    if (fine && input.value.trim()) {
      try { localStorage.setItem(personKey, input.value.trim()); } catch { /* asked again next time */ }
      return setPerson(input.value.trim());
    }
    if (!must) return;
  }
}

function setPerson(name) {
  if (name !== person) for (const made of queue.splice(0)) drop(made);
  person = name;
  $("person").textContent = name;
  refill();
}

async function askClass() {
  const input = el("input", { maxLength: 100, autocomplete: "off", "aria-label": "Name of the new class" });
  const fine = await open("A new class", [input], { yes: "Add" }), name = input.value.trim();
  $("stage").focus({ preventScroll: true }); // where it was: a later key should not ask for a class again
  if (!fine || !name) return;
  if (classes.includes(name)) return say(`There is a class ${name} already.`);
  outbox.push("api/class", { label: name }, (answer) => {
    classes = answer.classes;
    showClasses();
    say(`New class: ${name}.`);
  });
}

function help() {
  const keys = [["1 … 9, a … z", "the class that shows this key"], ["Backspace", "undo"], [SKIP, "cannot tell"], ["Space", "zoom; then the arrow keys"],
    ["/", "find a class"], ["Escape", "leave a correction, the zoom or the search"], ["?", "this list"], ["Tab, Enter", "reach and press everything else"]];
  const rows = keys.map(([key, text]) => el("tr", {}, el("td", {}, el("kbd", { textContent: key })), el("td", { textContent: text })));
  const box = el("input", { type: "checkbox", checked: classify, id: "single" });
  box.style.width = "auto";
  box.onchange = () => {
    classify = box.checked;
    try { localStorage.setItem("iale-keys", classify ? "on" : "off"); } catch { /* on again next time */ }
  };
  open("Keys", [el("table", {}, ...rows), el("label", {}, box, " Use these keys (off for speech input)")], { yes: "Close", no: false });
}

// ---- keys and buttons ---------------------------------------------------------------------------------------------------------

document.addEventListener("keydown", (event) => {
  if ($("dialog").open || event.altKey || event.repeat) return;
  if (event.target === $("filter")) {
    const found = event.key === "Enter" && [...$("classes").children].find((button) => !button.hidden);
    if (found) found.click();
    else if (event.key === "Escape") unfilter();
    else return;
    $("stage").focus({ preventScroll: true });
    return;
  }
  if (event.ctrlKey || event.metaKey) {
    if (event.key === "z") { event.preventDefault(); undo(); }
    return;
  }
  if (event.key === "Escape") {
    if ($("stage").classList.contains("zoomed")) zoom();
    else if (document.body.dataset.view === "label") keep();
    else view("label");
    return;
  }
  if (!classify || document.body.dataset.view !== "label") return;
  const key = /^Digit\d$/.test(event.code) && !event.shiftKey ? event.code[5] : event.key.toLowerCase();
  const button = event.target.closest?.("button, a, summary");
  if (key === " " && !button) zoom();
  else if (key === "backspace") undo();
  else if (key === SKIP) skip();
  else if (key === "?") help();
  else if (key === "/" && !$("filter").hidden) $("filter").focus();
  else if (!event.shiftKey && classes.some((name) => keyOf.get(name) === key)) label(classes.find((name) => keyOf.get(name) === key));
  else return;
  event.preventDefault();
});

$("undo").onclick = undo;
$("skip").onclick = skip;
$("keep").onclick = keep;
$("zoom").onclick = () => zoom();
$("more").onclick = askClass;
$("help").onclick = help;
$("person").onclick = () => askName(false);
$("filter").oninput = filter;
$("stage").addEventListener("click", ({ target, offsetX, offsetY }) => {
  if (target.tagName === "IMG") zoom(offsetX / target.clientWidth, offsetY / target.clientHeight);
});
for (const button of document.querySelectorAll("nav button")) button.onclick = () => view(button.dataset.go);
addEventListener("beforeunload", (event) => { if (outbox.waiting.length) event.preventDefault(); });

// What a window holds no other window gets; when it is closed or loaded anew, that is given back.
const tab = crypto.getRandomValues(new Uint32Array(3)).join("-");
addEventListener("pagehide", () => {
  const body = JSON.stringify({ person, tab });
  if (person) fetch("api/release", { method: "POST", keepalive: true, body, headers: { "Content-Type": "application/json" } }).catch(() => {});
});
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

async function begin() {
  try { classify = localStorage.getItem("iale-keys") !== "off"; } catch { /* on */ }
  history.replaceState(null, "", location.pathname); // the token is in the cookie by now
  for (;;) {
    try {
      const project = await ask("api/project");
      ({ classes, kind } = project);
      $("project").textContent = document.title = project.name;
      person = project.person;
      personKey = `iale-person ${project.mark || project.name}`; // of this project: another one is labeled as its server says
      try { person = localStorage.getItem(personKey) || person; } catch { /* the server's offer */ }
      notice("begin", "");
      outbox.open(project.mark || project.name);
      break;
    } catch (error) {
      notice("begin", error.message);
      await sleep(1000);
    }
  }
  showClasses();
  outbox.show();
  if (person) setPerson(person);
  else await askName(true);
  view("label");
  look();
}

begin();
