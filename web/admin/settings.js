/** Settings: what the shop has set, a field each, with the default, and what is wrong said at the field. */

import { get, send } from "/playground/api.js";
import { busy } from "/playground/busy.js";
import { h } from "/widget/dom.js";
import { choice, field, mark } from "./fields.js";
import { GROUPS } from "./settings-words.js";

const OWN = "/api/v1/settings";

/** Opens one's own shop's settings; who runs the installation chooses a shop first. */
export async function openSettings(place, slug) {
  if (place.me.role !== "platform") return openForm(place, OWN, "");
  if (slug) return openForm(place, `/api/v1/tenants/${encodeURIComponent(slug)}`, slug);
  const { tenants } = await get("/api/v1/tenants?limit=500");
  const row = (one) => h("li", {}, h("a", { href: `#settings/${one.slug}` }, one.name), h("span", { class: `badge ${one.status}` }, one.status), h("span", { class: "quiet" }, one.slug));
  place.root.replaceChildren(h("p", { class: "lead" }, "Choose a shop."), h("ul", { class: "rows" }, ...tenants.map(row)));
}

async function openForm(place, path, slug) {
  const found = await get(path);
  const names = Object.values(GROUPS).flat().map(([name]) => name);
  const own = new Set(found.own ?? names.map(root));
  const controls = {};
  const groups = Object.entries(GROUPS).map(([name, rows]) => group(name, rows, found, own, controls));
  const form = h("form", { class: "form settings", novalidate: true }, ...groups, h("div", { class: "acts sticky" }, h("button", { type: "submit", class: "main" }, "Save"), h("span", { class: "quiet" }, "Counts everywhere within ten seconds.")));
  let filled = values(controls);
  const dirty = () => Object.keys(controls).filter((name) => controls[name].value !== filled[name]);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    place.done("");
    busy(event.submitter, () => place.told(async () => {
      mark(form);
      if (!dirty().length) return place.done("Nothing was changed.");
      try {
        await send("PATCH", path, { settings: changes(dirty(), controls) });
      } catch (problem) {
        if (!said(form, controls, problem)) throw problem;
        return;
      }
      filled = values(controls);
      place.done("Saved. It counts everywhere within ten seconds.");
      document.getElementById("done").scrollIntoView({ block: "center" });
    }));
  });
  place.guard(() => dirty().length > 0);
  const lead = slug ? h("p", {}, h("a", { href: "#settings" }, "← All shops"), ` ${found.name}`) : h("p", { class: "lead" }, "An empty field is the default. What has no field is set by who runs the installation.");
  place.root.replaceChildren(lead, form);
}

function group(name, rows, found, own, controls) {
  const nodes = rows.map(([path, label, kind, hint]) => {
    const [value, otherwise] = [pick(found.settings, path), pick(found.defaults, path)];
    if (!own.has(root(path))) return fixed(label, value ?? otherwise, kind, hint);
    controls[path] = control(kind, value, otherwise);
    return field(path, label, controls[path], Array.isArray(kind) || kind === "text" || kind === "number" ? hint : `${hint} Default: ${shown(otherwise, kind)}.`);
  });
  return h("fieldset", { class: "card" }, h("legend", {}, name), ...nodes);
}

/** A field for one kind of value; it holds text, and empty is the default. */
function control(kind, value, otherwise) {
  const text = written(value, kind);
  if (Array.isArray(kind)) return choice([["", `default: ${shown(otherwise, kind)}`], ...kind], text);
  const placeholder = `default: ${shown(otherwise, kind)}`;
  if (kind === "text") return h("input", { value: text, placeholder, spellcheck: "false", autocomplete: "off" });
  if (kind === "number") return h("input", { value: text, placeholder, inputmode: "decimal", autocomplete: "off" });
  return Object.assign(h("textarea", { rows: kind === "json" ? 6 : 3, spellcheck: "false" }), { value: text });
}

/** What somebody else sets, to be read. */
function fixed(label, value, kind, hint) {
  return h("div", { class: "field" }, h("p", { class: "fixed" }, h("strong", {}, label), h("span", {}, shown(value, kind))), h("small", {}, hint));
}

function written(value, kind) {
  if (value == null) return "";
  if (kind === "json") return value.length ? JSON.stringify(value, null, 2) : "";
  return kind === "lines" ? value.join("\n") : String(value);
}

function shown(value, kind) {
  if (Array.isArray(kind)) return kind.find(([of]) => of === String(value))?.[1] ?? String(value);
  const text = written(value, kind);
  return text === "" ? "none" : text.replaceAll("\n", ", ");
}

/** The changed settings as the API takes them; of a group such as `branding` it takes the whole. */
function changes(names, controls) {
  const found = {};
  for (const top of new Set(names.map(root))) {
    const parts = Object.keys(controls).filter((name) => name.startsWith(`${top}.`));
    found[top] = parts.length ? Object.fromEntries(parts.map((name) => [name.slice(top.length + 1), read(name, controls)])) : read(top, controls);
  }
  return found;
}

const KINDS = Object.fromEntries(Object.values(GROUPS).flat().map(([name, , kind]) => [name, kind]));

function read(name, controls) {
  const text = controls[name].value.trim();
  const kind = KINDS[name];
  if (!text) return null;
  if (kind === "lines") return text.split("\n").map((line) => line.trim()).filter(Boolean);
  if (kind === "number") return Number.isNaN(Number(text)) ? text : Number(text); // the API says what is wrong
  if (Array.isArray(kind)) return { true: true, false: false }[text] ?? text;
  if (kind !== "json") return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Whether a refusal was said at the field that it names. */
function said(form, controls, { status, message }) {
  if (status !== 422) return false;
  const names = Object.keys(controls).filter((name) => name.split(".").every((part) => message.includes(part)));
  const named = names.sort((one, other) => other.length - one.length)[0];
  const plain = message.replace(/^settings\.\w+: /, "").replace(/^Wrong tenant setting: /, "");
  return named ? mark(form, { message: `${named}: ${plain.replace(new RegExp(`^${named}:? `), "")}` }) : false;
}

const root = (path) => path.split(".")[0];
const pick = (from, path) => path.split(".").reduce((value, part) => value?.[part], from);
const values = (controls) => Object.fromEntries(Object.entries(controls).map(([name, { value }]) => [name, value]));
