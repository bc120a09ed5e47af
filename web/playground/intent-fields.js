/** The fields of one intent: its name, where it leads, how people say it, and what is said in each language; or of none. */

import { h } from "/widget/dom.js";

const ROUTES = {
  canned: "say the reply",
  order: "look up an order",
  product: "recommend products",
  faq: "search the FAQs",
  handoff: "bring in a person",
  action: "offer to do something",
};
const NONE = "out_of_scope";
const FIRST = "en"; // every other language falls back to it
const LANGUAGES = new Intl.DisplayNames(["en"], { type: "language" });

export class IntentFields {
  #root;
  #languages = [];

  constructor(root) {
    this.#root = root;
  }

  /** Builds the fields; `{languages, routes, tools}` is what there is to choose from. */
  offer({ languages, routes, tools }) {
    this.#languages = languages;
    const route = h("select", {}, ...routes.map((name) => new Option(ROUTES[name] ?? name, name)));
    const tool = h("select", {}, ...tools.map((name) => new Option(name.replaceAll("_", " "), name)));
    route.addEventListener("change", () => this.#fit());
    this.#root.replaceChildren(
      field("name", "Name", h("input", { maxlength: 64, spellcheck: "false", autocomplete: "off" })),
      field("route", "What happens", route),
      field("tool", "What is offered", tool),
      field("examples", "What customers write, one message a line", lines(8)),
      field(NONE, "Messages that belong to no intent, one a line", lines(16)),
      ...this.#words(FIRST),
      h("details", {}, h("summary", {}, "Other languages"), h("div", { class: "pairs" }, ...languages.filter((tag) => tag !== FIRST).flatMap((tag) => this.#words(tag)))),
    );
  }

  /** Fills the fields with an intent, or empties them. */
  show({ name = "", route = "canned", tool, examples = [], reply = {}, suggestions = {} } = {}) {
    this.#at("name").value = name;
    this.#at("route").value = route;
    if (tool) this.#at("tool").value = tool;
    this.#at("examples").value = examples.join("\n");
    for (const tag of this.#languages) {
      this.#at(`reply.${tag}`).value = reply[tag] ?? "";
      this.#at(`suggestions.${tag}`).value = (suggestions[tag] ?? []).join("\n");
    }
    this.#only(false);
    this.#fit();
  }

  /** Fills in the messages that belong to no intent. */
  showNone(messages) {
    this.#at(NONE).value = messages.join("\n");
    this.#only(true);
  }

  /** The messages that belong to no intent, as they are filled in now. */
  readNone() {
    return this.#lines(NONE);
  }

  /** The intent as it is filled in now. */
  read() {
    const value = (name) => this.#at(name).value.trim();
    const each = (name, read) => Object.fromEntries(this.#languages.map((tag) => [tag, read(`${name}.${tag}`)]).filter(([, found]) => found.length));
    const route = value("route");
    return {
      name: value("name"),
      route,
      tool: route === "action" ? value("tool") : null,
      examples: this.#lines("examples"),
      reply: each("reply", value),
      suggestions: each("suggestions", (name) => this.#lines(name)),
    };
  }

  /** Says beside each field what is wrong with it, of `[{field, message}]`. */
  mark(problems) {
    for (const control of this.#root.querySelectorAll("[data-field]")) {
      const said = problems.filter(({ field: name }) => name === control.dataset.field).map(({ message }) => message);
      const wrong = this.#root.querySelector(`#${CSS.escape(control.getAttribute("aria-describedby"))}`);
      control.setAttribute("aria-invalid", String(said.length > 0));
      wrong.textContent = said.join(" ");
      wrong.hidden = said.length === 0;
    }
  }

  /** Whether there is something in the field. */
  filled(name) {
    return Boolean(this.#at(name)?.value.trim());
  }

  focus() {
    this.#at("name").focus();
  }

  #at(name) {
    return this.#root.querySelector(`[data-field="${name}"]`);
  }

  #lines(name) {
    return this.#at(name).value.split("\n").map((line) => line.trim()).filter(Boolean);
  }

  /** Leaves the field of what belongs to no intent, or those of an intent. */
  #only(none) {
    const field = this.#at(NONE).closest(".field");
    for (const part of this.#root.children) part.hidden = (part === field) !== none;
    this.mark([]);
  }

  /** Only an action names what is offered. */
  #fit() {
    this.#at("tool").closest(".field").hidden = this.#at("route").value !== "action";
  }

  #words(tag) {
    const name = LANGUAGES.of(tag);
    return [
      field(`reply.${tag}`, `Reply in ${name}`, h("textarea", { rows: 3, maxlength: 4000, dir: "auto", lang: tag })),
      field(`suggestions.${tag}`, `Suggestions in ${name}, one a line`, lines(3, tag)),
    ];
  }
}

const lines = (rows, lang) => h("textarea", { rows, dir: "auto", lang });

function field(name, label, control) {
  const id = `intent-${name.replace(".", "-")}`;
  control.id = id;
  control.dataset.field = name;
  control.setAttribute("aria-describedby", `${id}-wrong`);
  return h("div", { class: "field" }, h("label", { for: id }, label), control, h("p", { id: `${id}-wrong`, class: "wrong", role: "alert", hidden: true }));
}
