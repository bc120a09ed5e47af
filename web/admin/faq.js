/** One FAQ: written, published, tried out in the chat, taken back, deleted. */

import { get, send } from "/playground/api.js";
import { busy } from "/playground/busy.js";
import { h } from "/widget/dom.js";
import { confirmed } from "./confirm.js";
import { FaqFields } from "./faq-fields.js";
import { addressOf, cited, day, STATES } from "./faq-words.js";
import { mark } from "./fields.js";

const FAQS = "/api/v1/faqs";
const SAID = {
  shown: "Published: customers get this answer from now on.",
  draft: "Saved as a draft: no customer gets it until you publish it.",
  scheduled: "Saved: customers get it from the time you set.",
  expired: "Saved, but its time is over: no customer gets it.",
};

/** Opens the FAQ with this id, or an empty one; `place` is the page around it. */
export async function openFaq(place, id) {
  const [faq, { categories }] = await Promise.all([id === null ? null : get(one(id)), get(`${FAQS}/categories`)]);
  const page = new FaqPage(place, categories.map(({ name }) => name).filter(Boolean));
  page.show(faq);
}

class FaqPage {
  #place;
  #faq = null;
  #fields;
  #form;
  #after = h("div", { class: "after" });
  #acts = h("div", { class: "acts" });
  #about = h("p", { class: "quiet about" });
  #past = h("details", { class: "quiet" }, h("summary", {}, "How it read before"), h("ol", { class: "versions" }));

  constructor(place, categories) {
    this.#place = place;
    this.#fields = new FaqFields(categories);
    this.#form = h("form", { class: "card form", novalidate: true }, this.#about, ...this.#fields.nodes, this.#acts);
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save(event.submitter, event.submitter?.value === "draft");
    });
    this.#form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.matches("input")) event.preventDefault(); // nothing is published by a slip
    });
    this.#past.addEventListener("toggle", () => this.#past.open && place.told(() => this.#versions()));
    place.root.replaceChildren(h("p", {}, h("a", { href: "#knowledge" }, "← All FAQs")), this.#after, this.#form, this.#past);
    place.guard(() => this.#fields.changed);
  }

  /** Shows a FAQ as the API gave it, or the empty form. */
  show(faq) {
    this.#faq = faq;
    this.#place.title(faq ? "FAQ" : "New FAQ");
    this.#fields.fill(faq);
    this.#past.hidden = !faq;
    this.#past.open = false;
    const state = faq?.state;
    this.#about.hidden = !faq;
    if (faq) this.#about.replaceChildren(h("span", { class: `badge ${state}` }, STATES[state]), ` Version ${faq.version} · changed ${day(faq.updated_at)} · ${cited(faq.hits)}`);
    const isDraft = !faq || state === "draft";
    const submit = (value, text, name) => h("button", { type: "submit", value, class: name }, text);
    this.#acts.replaceChildren(
      submit("publish", isDraft ? "Publish" : "Save", "main"),
      submit("draft", isDraft ? "Save as draft" : "Unpublish"),
      ...(state === "shown" ? [h("button", { type: "button", onclick: () => this.#try() }, "Ask the assistant")] : []),
      ...(faq ? [h("button", { type: "button", class: "danger", onclick: () => this.#remove() }, "Delete")] : []),
    );
  }

  async #save(button, draft) {
    if (!button || !this.#fields.complete()) return;
    await busy(button, () => this.#place.told(async () => {
      const body = { ...this.#fields.read(), draft };
      let kept;
      try {
        kept = this.#faq ? await send("PUT", one(this.#faq.id), body) : await send("POST", FAQS, body);
      } catch (problem) {
        if (!this.#named(problem)) throw problem;
        return;
      }
      this.show(kept);
      this.#place.moved(addressOf(kept.id).slice(1));
      this.#tell(kept);
    }));
  }

  /** Whether a refusal was said at the field that it is about. */
  #named(problem) {
    this.#place.done("");
    if (problem.status === 409) return mark(this.#form, { message: "question: There is a FAQ with this question already. Find it in the list and change it there, or ask it in other words." });
    return problem.status === 422 && mark(this.#form, problem);
  }

  /** What became of it, how to see it work, and which others say much the same. */
  #tell({ state, question, warnings }) {
    this.#place.done(SAID[state]);
    const tryIt = h("div", { class: "card next" },
      h("p", {}, "See it work: the chat answers here as it does on your shop's page."),
      h("div", { class: "acts" }, h("button", { type: "button", class: "main", onclick: () => this.#try() }, `Ask “${short(question)}”`)),
    );
    const near = h("div", { class: "card warned", role: "status" },
      h("h3", {}, warnings.length === 1 ? "Another FAQ is much like this one" : "Other FAQs are much like this one"),
      h("ul", {}, ...warnings.map(warning)),
      h("p", { class: "quiet" }, "Both are kept. Customers get one answer: better keep one FAQ, with the other question among its wordings."),
    );
    this.#after.replaceChildren(...(warnings.length ? [near] : []), ...(state === "shown" ? [tryIt] : []));
    document.getElementById("done").scrollIntoView({ block: "center" });
  }

  async #try() {
    await customElements.whenDefined("deskgraph-chat");
    document.getElementById("chat").ask(this.#faq.question);
  }

  async #remove() {
    const { id, question } = this.#faq;
    const meant = await confirmed({ title: "Delete this FAQ?", text: `“${short(question)}” goes with all its versions. Answers that cited it stay as they are. To take it from customers and keep it, unpublish it instead.`, yes: "Delete" });
    if (!meant) return;
    await this.#place.told(async () => {
      await send("DELETE", one(id));
      this.#place.guard(() => false);
      location.hash = "#knowledge";
    });
  }

  async #versions() {
    const { versions } = await get(`${one(this.#faq.id)}/versions`);
    const items = versions.map(({ version, question, answer, created_at: at }) =>
      h("li", {}, h("p", {}, `Version ${version}, ${day(at)}`), h("p", { class: "asked", dir: "auto" }, question), h("p", { class: "told", dir: "auto" }, answer)));
    this.#past.querySelector("ol").replaceChildren(...items);
  }
}

function warning({ kind, faq_id: id, question, figures }) {
  const link = h("a", { href: addressOf(id), dir: "auto" }, question);
  if (kind === "conflict") return h("li", {}, h("strong", {}, "Says otherwise: "), link, ` (only one of both says ${figures.join(", ")})`);
  return h("li", {}, h("strong", {}, "Asks the same: "), link);
}

const one = (id) => `${FAQS}/${encodeURIComponent(id)}`;
const short = (text) => (text.length > 60 ? `${text.slice(0, 59)}…` : text);
