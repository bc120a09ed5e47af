/** Builds what stands in the conversation: bubbles, sources, actions, suggestions, ratings, notices. */

import { h, icon, richText } from "./dom.js";
import { DOWN, UP } from "./icons.js";

const HANDED_OVER = "handoff"; // what is said on that way is no answer, so it is not rated

/** A bubble of `role` (user, assistant, agent) with what hangs below it. */
export function bubble(words, role, text, ...below) {
  const who = words[role === "user" ? "you" : role] ?? role;
  return h(
    "article",
    { class: `message ${role}` },
    h("span", { class: role === "agent" ? "who" : "unseen" }, `${who}: `),
    h("p", { class: "bubble", dir: "auto" }, ...richText(text)),
    ...below,
  );
}

/** The assistant's bubble for a reply body (the contract's `done`): sources, actions, suggestions, how it was rated. */
export function answer(words, done, on, rated = null) {
  const { text, language, route, citations = [], actions = [], suggestions = [] } = done.reply;
  const parts = [
    citations.length && sources(words, citations),
    ...actions.map((action) => offer(words, action, () => on.confirm(action))),
    route !== HANDED_OVER && h("div", { class: "after" }, rating(words, (value) => on.rate(done.turn_id, value), rated)),
    suggestions.length && choices(suggestions, on.suggest),
  ];
  const node = bubble(words, "assistant", text, ...parts.filter(Boolean));
  if (language) node.querySelector(".bubble").setAttribute("lang", language);
  return node;
}

/** A message of the history, with what stands below it as if it had just been said. */
export function past(words, message, on) {
  const { role, text, turn_id: turnId, rating: rated } = message;
  return role === "assistant" ? answer(words, { turn_id: turnId, reply: message }, on, rated) : bubble(words, role, text);
}

/** A line about the conversation itself; `error` ones may carry a button to try again. */
export function notice(text, { kind = "info", button, onclick } = {}) {
  const again = button && h("button", { type: "button", class: "again", onclick }, button);
  return h("div", { class: `notice ${kind}`, dir: "auto" }, h("p", {}, text), ...(again ? [again] : []));
}

/** Makes offers and suggestions above the newest turn unusable: any other message withdraws them. */
export function withdraw(words, log) {
  for (const row of log.querySelectorAll(".choices")) row.remove();
  for (const button of log.querySelectorAll(".offer button:not([disabled])")) {
    button.disabled = true;
    if (!button.hasAttribute("data-pressed")) button.after(ended(words.withdrawn));
  }
}

function sources(words, citations) {
  const items = citations.map(({ title, quote }) =>
    h("li", {}, h("strong", { dir: "auto" }, title), h("blockquote", { dir: "auto" }, quote)),
  );
  const intoView = ({ target }) => target.open && target.scrollIntoView({ block: "nearest" });
  return h("details", { class: "sources", ontoggle: intoView }, h("summary", {}, `${words.sources} (${items.length})`), h("ol", {}, ...items));
}

function offer(words, action, confirm) {
  const said = action.label.split(/[\s.,:;]+/); // what the label says in the customer's words is not said again in the tool's
  const values = Object.entries(action.arguments ?? {}).map(([name, value]) => [name, typeof value === "object" ? JSON.stringify(value) : String(value)]);
  const rows = values.filter(([, value]) => !said.includes(value)).flatMap(([name, value]) => [
    h("dt", {}, name.replaceAll("_", " ")),
    h("dd", { dir: "auto" }, value),
  ]);
  const button = h("button", { type: "button", class: "confirm", "aria-label": `${words.confirm}: ${action.label}` }, words.confirm);
  const card = h("section", { class: "offer", "aria-label": action.label }, h("strong", {}, action.label), h("dl", {}, ...rows), button);
  const expire = () => {
    button.disabled = true;
    card.append(ended(words.expired));
  };
  button.addEventListener("click", () => {
    if (expired(action)) return expire();
    button.toggleAttribute("data-pressed", true);
    return confirm();
  });
  if (expired(action)) expire();
  return card;
}

/** Why an offer can no longer be confirmed. */
function ended(why) {
  return h("p", { class: "ended", role: "status" }, why);
}

function expired({ expires_at: expiresAt }) {
  return Boolean(expiresAt) && Date.parse(expiresAt) < Date.now();
}

function choices(suggestions, choose) {
  const buttons = suggestions.map((text) => h("button", { type: "button", dir: "auto", onclick: () => choose(text) }, text));
  return h("div", { class: "choices" }, ...buttons);
}

function rating(words, rate, given) {
  const thumb = (value, path) =>
    h("button", { type: "button", class: "thumb", value, "aria-label": words[value], title: words[value], "aria-pressed": String(value === given) }, icon(path));
  const thumbs = [thumb("up", UP), thumb("down", DOWN)];
  const press = (chosen) => thumbs.forEach((node) => node.setAttribute("aria-pressed", String(node === chosen)));
  for (const node of thumbs) {
    node.addEventListener("click", async () => {
      const before = thumbs.find((other) => other.getAttribute("aria-pressed") === "true");
      press(node);
      if (!(await rate(node.value))) press(before);
    });
  }
  return h("div", { class: "rating" }, ...thumbs);
}
