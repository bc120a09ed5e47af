/** Makes DOM nodes. Strings always become text nodes: nothing in the widget parses HTML. */

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes (`onclick` and the like are listeners; false, null, undefined are left out). */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** A 24 x 24 line icon that assistive technology skips. */
export function icon(path) {
  return svg("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" }, svg("path", { d: path }));
}

/** Text as nodes: lines that begin with "- " hang together, and an https link to the page's own origin becomes one. */
export function richText(text) {
  // The items keep their dash and line end, so that what is copied or read aloud is the text.
  const parts = text.split(/^(- .*\n?)/m).map((part, index) => (index % 2 ? [h("span", { class: "item" }, ...linked(part))] : linked(part)));
  return parts.flat().filter(Boolean);
}

function linked(text) {
  return text.split(/(https?:\/\/[^\s<>"]+)/).map((part, index) => (index % 2 ? link(part) : part));
}

function link(address) {
  const url = URL.canParse?.(address) ? new URL(address) : null;
  const ours = url?.protocol === "https:" && url.origin === location.origin;
  return ours ? h("a", { href: url.href }, address) : address;
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}
