// A part of Markdown, drawn as elements: headings, paragraphs, lists, quotes, code, bold, italic, and links to the web. HTML
// in the text stays text, so what a colleague writes cannot run here.

import { el } from "./dom.js";

const INLINE = /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*]+)\*|_([^_]+)_|\[([^\]]*)\]\((https?:\/\/[^\s)]+)\)/g;

function inline(text) {
  const parts = [];
  let at = 0;
  for (const found of text.matchAll(INLINE)) {
    const [whole, code, bold, italic, under, words, address] = found;
    parts.push(text.slice(at, found.index));
    at = found.index + whole.length;
    if (code) parts.push(el("code", { textContent: code }));
    else if (bold) parts.push(el("strong", { textContent: bold }));
    else if (italic ?? under) parts.push(el("em", { textContent: italic ?? under }));
    else parts.push(el("a", { href: address, target: "_blank", rel: "noopener noreferrer", textContent: words || address }));
  }
  return [...parts, text.slice(at)].filter((part) => part !== "");
}

const SIGNS = { heading: /^#{1,4}\s+/, ul: /^\s*[-*+]\s+/, ol: /^\s*\d+[.)]\s+/, blockquote: /^>\s?/ };
const kind = (line) => Object.keys(SIGNS).find((name) => SIGNS[name].test(line)) ?? "p";

function run(name, lines) { // lines of one kind
  const texts = lines.map((line) => line.replace(SIGNS[name] ?? "", ""));
  if (name === "heading") return texts.map((text, at) => el(`h${2 + lines[at].match(/^#+/)[0].length}`, {}, ...inline(text)));
  if (name === "ul" || name === "ol") return [el(name, {}, ...texts.map((text) => el("li", {}, ...inline(text))))];
  return [el(name, {}, ...inline(texts.join(" ")))];
}

function block(lines) { // lines without a blank one between them
  const runs = [];
  for (const line of lines) {
    if (runs.at(-1)?.[0] === kind(line)) runs.at(-1)[1].push(line);
    else runs.push([kind(line), [line]]);
  }
  return runs.flatMap(([name, some]) => run(name, some));
}

export function markdown(text) {
  const parts = text.replaceAll("\t", "    ").split(/^```.*$/m); // every second one is code
  const made = parts.flatMap((part, at) => (at % 2 ? [el("pre", {}, el("code", { textContent: part.trim() }))]
    : part.split(/\n\s*\n/).map((each) => each.split("\n").filter((line) => line.trim())).filter((lines) => lines.length).flatMap(block)));
  return el("div", { className: "markdown", dir: "auto" }, ...made);
}
