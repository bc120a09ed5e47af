/** Shows a reply object as a list of facts and its sources. */

import { h } from "/widget/dom.js";

/** Nodes for the contract's `done`: what was decided, by what, at which cost. */
export function describe(done) {
  const { reply } = done;
  const facts = [
    ["route", reply.route],
    ["intent", reply.intent],
    ["confidence", reply.confidence?.toFixed(3)],
    ["language", reply.language],
    ["model", done.model],
    ["prompt", done.prompt && `${done.prompt.name} v${done.prompt.version} (${done.prompt.sha.slice(0, 8)})`],
    ["bundle", done.bundle],
    ...prefixed("usage", done.usage),
    ...prefixed("ms", done.timings_ms),
    ["suggestions", reply.suggestions?.join(" | ")],
    ["actions", reply.actions?.map(({ label }) => label).join(" | ")],
    ["turn", done.turn_id],
  ];
  const rows = facts.flatMap(([name, value]) => [h("dt", {}, name), value == null || value === "" ? h("dd", { class: "none" }, "none") : h("dd", {}, String(value))]);
  return [h("dl", {}, ...rows), ...sources(reply.citations ?? [])];
}

function prefixed(name, value) {
  if (value == null || typeof value !== "object") return [[name, value]];
  return Object.entries(value).map(([key, part]) => [`${name}: ${key.replaceAll("_", " ")}`, part]);
}

function sources(citations) {
  if (!citations.length) return [];
  const items = citations.map(({ title, quote, kind, version, score }) =>
    h("li", {}, h("strong", {}, title), h("small", {}, ` ${kind} v${version}, score ${score.toFixed(3)}`), h("blockquote", {}, quote)),
  );
  return [h("h3", {}, "Sources"), h("ol", {}, ...items)];
}
