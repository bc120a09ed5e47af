/** One turn to look at: what was asked and told, its label, and what can be made of it. */

import { h } from "/widget/dom.js";

const LABELS = {
  right: "right as it was",
  wrong: "wrong",
  incomplete: "incomplete",
  knowledge_missing: "a FAQ is missing",
  intent_missed: "intent missed",
  not_ours: "not our business",
  unclear: "question unclear",
};
const BECAME = { case: "made a case", faq: "made a FAQ" };

/** The card of a turn; `on.review(turn, body)` and `on.publish(faq)` promise whether it was kept. */
export function card(turn, on) {
  const state = h("span", { class: "state", role: "status" }, turn.became ? BECAME[turn.became] : "");
  const keep = async (body) => {
    if (await on.review(turn, body)) state.textContent = body.became ? BECAME[body.became] : "labelled";
  };
  const choice = label(turn, (value) => keep({ label: value }));
  const draft = faqDraft(turn, on, async () => {
    await keep({ label: "knowledge_missing", became: "faq" });
    choice.value = "knowledge_missing";
  });
  const toCase = h("a", { class: "button", href: `/playground?turn=${turn.id}&case=1` }, "Make a case");
  toCase.addEventListener("click", () => on.review(turn, { label: choice.value || "wrong", became: "case" }));
  return h("li", { class: "card", "data-turn": turn.id },
    h("p", { class: "asked", dir: "auto" }, turn.asked ?? "(not kept)"),
    h("p", { class: "told", dir: "auto" }, turn.told ?? ""),
    turn.comment ? h("blockquote", { dir: "auto" }, turn.comment) : "",
    h("p", { class: "quiet" }, about(turn)),
    h("div", { class: "acts" },
      h("span", {}, "Label"),
      choice,
      h("a", { class: "button", href: `/playground?turn=${turn.id}` }, "Open in the playground"),
      toCase,
      h("button", { type: "button", "aria-expanded": "false", onclick: (event) => toggle(event.target, draft) }, "FAQ draft"),
      state,
    ),
    draft,
  );
}

function label(turn, change) {
  const options = Object.entries(LABELS).map(([value, text]) => h("option", { value, selected: turn.label === value }, text));
  const select = h("select", { "aria-label": "Label" }, h("option", { value: "", selected: !turn.label, disabled: true }, "choose…"), ...options);
  select.addEventListener("change", () => change(select.value));
  return select;
}

function faqDraft(turn, on, kept) {
  const question = h("input", { name: "question", required: true, maxlength: 500, value: turn.asked ?? "", dir: "auto" });
  const answer = h("textarea", { name: "answer", required: true, rows: 3, dir: "auto" });
  const said = h("p", { class: "quiet", role: "status" }, "Customers get it, word for word, once it is published.");
  const form = h("form", { class: "draft", hidden: true },
    h("label", {}, "Question", question),
    h("label", {}, "Answer", answer),
    h("div", { class: "acts" }, h("button", { type: "submit", class: "main" }, "Publish"), said),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    if (button.disabled) return;
    button.disabled = true; // a second click makes no second FAQ
    if (await on.publish({ question: question.value.trim(), answer: answer.value.trim() })) {
      said.textContent = "Published.";
      await kept();
    } else button.disabled = false;
  });
  return form;
}

function toggle(button, form) {
  form.hidden = !form.hidden;
  button.setAttribute("aria-expanded", String(!form.hidden));
  if (!form.hidden) form.querySelector("textarea").focus();
}

function about({ route, state, intent, model, rating, tags, accepted_at: accepted }) {
  const rated = rating && `rated ${rating}${tags.length ? ` (${tags.join(", ").replaceAll("_", " ")})` : ""}`;
  const when = new Date(accepted).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  return [rated, route ?? state, intent, model, when].filter(Boolean).join(" · ");
}
