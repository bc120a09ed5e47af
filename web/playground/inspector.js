/** Shows one step of a turn: why, what came of it, what a model was sent, and what it began with. */

import { h } from "/widget/dom.js";

const SHOWN_APART = new Set(["passages", "decision", "answer"]);

/** Nodes for a step `{node, ms, input?, update, noted?, usage?}`. */
export function inspect(step) {
  const { update = {}, noted = {}, usage } = step;
  const rest = Object.fromEntries(Object.entries(update).filter(([name]) => !SHOWN_APART.has(name)));
  return [
    facts([
      ["time", milliseconds(step.ms)],
      ["tokens", usage && `${usage.prompt_tokens} in, ${usage.completion_tokens} out`],
      ["cost", usage && dollars(usage.cost_usd)],
    ]),
    ...reasons(update.decision, noted),
    ...answer(update.answer),
    ...passages(update.passages, noted),
    ...request(noted),
    ...part("Output", Object.keys(rest).length ? rest : null, true),
    ...part("Input", step.input, false),
  ];
}

export const milliseconds = (ms) => (ms == null ? "" : ms < 10 ? `${ms.toFixed(2)} ms` : `${Math.round(ms)} ms`);
export const dollars = (usd) => (usd ? `$${usd.toFixed(6)}` : "$0");

/** A list of names and values; what is empty is left out. */
export function facts(pairs) {
  const rows = pairs.filter(([, value]) => value != null && value !== "");
  return h("dl", { class: "facts" }, ...rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, String(value))]));
}

function reasons(decision, noted) {
  if (!decision) return [];
  const rows = facts([
    ["goes to", decision.route],
    ["intent", decision.intent ?? "none"],
    ["because", decision.because],
    ["heard", noted.heard],
    ["with the message before", noted.with_before && `${noted.with_before.candidate} (${noted.with_before.confidence.toFixed(3)})`],
    ["confidence", `${decision.confidence.toFixed(3)}${noted.needed == null ? "" : ` (needs ${noted.needed})`}`],
    ["likeliest", [noted.candidate, noted.runner_up].filter(Boolean).join(", then ")],
    ["margin", noted.margin?.toFixed(3)],
  ]);
  return [h("h3", {}, "Why"), rows, ...evidence(noted.reasons)];
}

/** Of the router as it is now: the examples nearest to the message, and why another intent was not followed. */
function evidence(told) {
  if (!told) return [];
  const examples = told.nearest.map(({ text, intent, similarity }) =>
    h("li", {},
      h("meter", { min: 0, max: 1, value: Math.max(0, similarity), title: "cosine similarity" }),
      h("span", { dir: "auto" }, `“${text}”`),
      h("small", {}, ` ${similarity.toFixed(3)} · ${intent ?? "no intent"}`),
    ),
  );
  const against = told.against.map(({ intent, because }) => h("li", {}, h("strong", {}, intent), `: ${because}`));
  return [
    h("h4", {}, "Nearest examples"), h("ol", { class: "nearest" }, ...examples),
    ...(against.length ? [h("h4", {}, "Why not"), h("ul", { class: "against" }, ...against)] : []),
  ];
}

function answer(given) {
  if (!given) return [];
  const about = [given.route, given.intent, given.language].filter(Boolean).join(" · ");
  return [h("h3", {}, "Answer"), h("blockquote", { dir: "auto" }, given.text), h("p", { class: "quiet" }, about)];
}

function passages(found, noted) {
  if (!found) return [];
  const needed = noted.needed == null ? "" : ` A score of ${noted.needed} is an answer by itself.`;
  const items = found.map((passage) =>
    h("li", {},
      h("meter", { min: 0, max: 1, value: Math.max(0, passage.score), title: "cosine similarity" }),
      h("strong", {}, passage.title),
      h("small", {}, ` ${passage.score.toFixed(3)} · ${passage.source_id} v${passage.version}`),
      h("p", {}, passage.text),
    ),
  );
  return [h("h3", {}, "Passages"), h("p", { class: "quiet" }, `${found.length} found.${needed}`), h("ol", { class: "passages" }, ...items)];
}

function request({ messages, prompt, tools, max_tokens: most }) {
  if (!messages) return [];
  const sent = messages.map(({ role, content, tool_calls: calls }) =>
    h("div", { class: `sent ${role}` }, h("span", {}, role), h("pre", { tabindex: 0 }, content ?? JSON.stringify(calls, null, 2))),
  );
  const about = facts([
    ["prompt", prompt && `${prompt.name} ${prompt.version ? `v${prompt.version}` : "edited"} (${prompt.sha.slice(0, 8)})`],
    ["tools", tools?.join(", ")],
    ["most tokens", most],
  ]);
  return [h("h3", {}, "Prompt as sent"), about, ...sent];
}

function part(title, value, open) {
  if (value == null) return [];
  return [h("details", { open }, h("summary", {}, title), h("pre", { tabindex: 0 }, JSON.stringify(value, null, 2)))];
}
