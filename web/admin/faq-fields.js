/** The fields of one FAQ, and what they hold in the API's words. */

import { h } from "/widget/dom.js";
import { fromLocal, toLocal } from "./faq-words.js";
import { choice, field, mark } from "./fields.js";

const EMPTY = { question: "", answer: "", category: null, language: "en", aliases: [], publish_at: null, expires_at: null };
const LANGUAGES = ["en", "de", "fr", "es", "it", "nl", "pt"];
const NAMES = new Intl.DisplayNames(["en"], { type: "language" });

export class FaqFields {
  #question = h("input", { required: true, maxlength: 500, dir: "auto", autocomplete: "off" });
  #answer = h("textarea", { required: true, rows: 6, maxlength: 8000, dir: "auto" });
  #aliases = h("textarea", { rows: 3, dir: "auto" });
  #category = h("input", { maxlength: 128, list: "categories", autocomplete: "off" });
  #language = choice(LANGUAGES.map((tag) => [tag, NAMES.of(tag)]), "en");
  #from = h("input", { type: "datetime-local" });
  #until = h("input", { type: "datetime-local" });
  #times = h("details", { class: "wide" },
    h("summary", {}, "Show it only for a time"),
    h("div", { class: "pair" },
      field("publish_at", "From", this.#from, "Your local time. Empty is at once."),
      field("expires_at", "Until", this.#until, "Empty is for good."),
    ),
  );
  #filled = "";

  /** What stands in the form, in order. */
  nodes;

  constructor(categories) {
    this.nodes = [
      field("question", "Question", this.#question, "As customers ask it."),
      field("answer", "Answer", this.#answer, "Customers get it word for word."),
      field("aliases", "Other wordings", this.#aliases, "One a line, at most 50. The question is found by these as well."),
      h("div", { class: "pair" },
        field("category", "Category", this.#category, "To sort by; customers do not see it."),
        field("language", "Language", this.#language),
      ),
      h("datalist", { id: "categories" }, ...categories.map((name) => new Option(name))),
      this.#times,
    ];
  }

  /** Fills them with a FAQ of the API, or empties them. */
  fill(faq) {
    const { question, answer, category, language, aliases, publish_at: from, expires_at: until } = faq ?? EMPTY;
    if (!LANGUAGES.includes(language) && !this.#language.querySelector(`[value="${CSS.escape(language)}"]`)) this.#language.append(new Option(NAMES.of(language), language));
    this.#question.value = question;
    this.#answer.value = answer;
    this.#aliases.value = aliases.join("\n");
    this.#category.value = category ?? "";
    this.#language.value = language;
    [this.#from.value, this.#until.value] = [toLocal(from), toLocal(until)];
    this.#times.open = Boolean(from || until);
    this.#filled = JSON.stringify(this.read());
    const form = this.#question.form;
    if (form) mark(form);
  }

  get changed() {
    return JSON.stringify(this.read()) !== this.#filled;
  }

  /** As the API takes it, but for `draft`. */
  read() {
    return {
      question: this.#question.value.trim(),
      answer: this.#answer.value.trim(),
      category: this.#category.value.trim() || null,
      language: this.#language.value,
      aliases: this.#aliases.value.split("\n").map((line) => line.trim()).filter(Boolean),
      publish_at: fromLocal(this.#from.value),
      expires_at: fromLocal(this.#until.value),
    };
  }

  /** Whether what must be there is; what is missing is said at its field. */
  complete() {
    const { question, answer } = this.read();
    const missing = [];
    if (!question) missing.push("question: Write the question that customers ask.");
    if (!answer) missing.push("answer: Write the answer that customers get.");
    return !mark(this.#question.form, missing.length ? { message: missing.join("; ") } : null);
  }
}
