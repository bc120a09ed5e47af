/** One gap: what many asked and no FAQ answers, and what can be made of it. */

import { busy } from "/playground/busy.js";
import { h } from "/widget/dom.js";

/** The card of a gap; `on.draft(gap)` promises the FAQ that was begun, `on.dismiss(gap)` whether it was kept. */
export function gapCard(gap, on) {
  const state = h("span", { class: "state", role: "status" }, ...(gap.faq_id ? drafted(gap.faq_id) : []));
  const act = (name, work) => h("button", { type: "button", onclick: ({ target }) => busy(target, () => work(target)) }, name);
  const make = act("Make a draft", async (button) => {
    const begun = await on.draft(gap);
    if (!begun) return;
    button.disabled = true;
    state.replaceChildren(...drafted(begun.faq_id));
  });
  make.disabled = Boolean(gap.faq_id);
  const drop = act("Dismiss", async (button) => {
    if (!(await on.dismiss(gap))) return;
    button.disabled = true;
    state.textContent = "dismissed";
  });
  drop.disabled = gap.state === "dismissed";
  return h("li", { class: "card", "data-gap": gap.id },
    h("p", { class: "asked", dir: "auto" }, gap.question ?? "(not kept)"),
    ...gap.others.map((other) => h("p", { class: "told", dir: "auto" }, other)),
    h("p", { class: "quiet" }, `${gap.questions} questions of ${gap.persons} people · ${day(gap.first_seen)} to ${day(gap.last_seen)}`),
    h("div", { class: "acts" }, make, drop, state),
  );
}

function drafted(id) {
  return [`draft ${id}: `, h("a", { href: `/admin#knowledge/faq/${encodeURIComponent(id)}` }, "write its answer, then publish it")];
}

function day(moment) {
  return new Date(moment).toLocaleDateString([], { dateStyle: "medium" });
}
