// Small helpers for the document. Text from people and files always enters the page as text, never as HTML.

export const $ = (id) => document.getElementById(id);
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
export const percent = (value) => `${(100 * value).toFixed(0)}%`;

export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);
export const chance = (p) => (p == null ? "" : p > 0.995 ? " >99%" : p < 0.005 ? " <1%" : ` ${percent(p)}`); // never quite sure

export function el(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  for (const [name, value] of Object.entries(properties)) if (name.includes("-") || name === "role") node.setAttribute(name, value);
  node.append(...children);
  return node;
}

export function say(text) { $("live").textContent = text; } // screen readers announce it
