/** Canned replies and examples as a form over their YAML: the text stays the truth, the form fills it in. */

import { explain, send } from "./api.js";
import { IntentFields } from "./intent-fields.js";

const at = (id) => document.getElementById(id);
const UNMENDED = "The form of the canned replies has mistakes; mend what is marked there.";
const KEPT = "In the text. Run it in the sandbox, then promote it below.";
const NONE = "-"; // among the intents: what belongs to none of them; no intent can be called that
const FIRST_MEND = "Mend what is marked before you go on, or choose “Undo changes”.";

export class Intents {
  #fields = new IntentFields(at("intent-fields"));
  #intents = [];
  #none = []; // messages that belong to no intent
  #name = null; // the intent that is shown, as the text names it, or NONE; null is a new one
  #read = null; // the text that the form shows
  #wanted = null; // which intent to show first
  #work = Promise.resolve();
  #problems = [];
  #trouble = null; // why the text is not what the form says

  constructor() {
    at("intents").addEventListener("toggle", () => this.#later(() => this.#load()));
    at("intents-as-form").addEventListener("click", () => this.#show("form"));
    at("intents-as-text").addEventListener("click", () => this.#show("text"));
    at("intent-which").addEventListener("change", () => this.#later(() => this.#choose(at("intent-which").value)));
    at("intent-new").addEventListener("click", () => this.#later(() => this.#choose(null)));
    at("intent-remove").addEventListener("click", () => this.#later(() => this.#put(null)));
    at("intent-fields").addEventListener("change", () => this.#later(() => this.#fill()));
    at("intent-fields").addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.matches("input")) event.preventDefault(); // it would run the fork
    });
  }

  /** The text was filled in anew: the form begins at the intent of that name, or at the first. */
  begin(name) {
    this.#wanted = name;
    this.#read = null;
    this.#trouble = null;
    this.#later(() => this.#load());
  }

  /** Waits until the text is what the form says; throws what to do while the form has mistakes. */
  async settled() {
    await this.#work;
    if (!this.#trouble || at("intents-form").hidden) return;
    this.#fields.mark(this.#problems);
    throw { message: this.#trouble };
  }

  /** One after the other: what is asked meanwhile waits. */
  #later(step) {
    this.#work = this.#work.then(step).catch((problem) => this.#say((this.#trouble = explain(problem)), true));
  }

  #show(which) {
    for (const one of ["form", "text"]) {
      at(`intents-as-${one}`).setAttribute("aria-pressed", String(one === which));
      at(`intents-${one}`).hidden = one !== which;
    }
    if (which === "form") this.#later(() => this.#load());
  }

  /** Reads the text into the form, unless it shows that text already. */
  async #load() {
    const text = at("fork-intents").value;
    if (!at("intents").open || at("intents-form").hidden || text === this.#read) return;
    at("intent-fields").hidden = true;
    const { intents, out_of_scope: none, ...choices } = await send("POST", "/api/v1/intents/form", { text });
    this.#read = text;
    this.#intents = intents;
    this.#none = none;
    this.#fields.offer(choices);
    at("intent-fields").hidden = false;
    this.#trouble = null;
    const names = [...intents.map(({ name }) => name), NONE];
    this.#choose([this.#name, this.#wanted, ...names].find((name) => names.includes(name)));
    this.#wanted = null;
  }

  #choose(name) {
    if (this.#trouble && this.#name !== null) {
      at("intent-which").value = this.#name;
      this.#say(FIRST_MEND, true);
      return;
    }
    this.#trouble = null;
    this.#name = name;
    if (name === NONE) this.#fields.showNone(this.#none);
    else this.#fields.show(this.#intents.find((intent) => intent.name === name));
    this.#list();
    this.#say("");
    if (name === null) this.#fields.focus();
  }

  #list() {
    const options = this.#intents.map(({ name, route }) => new Option(`${name} (${route})`, name));
    options.push(new Option("messages that belong to none", NONE));
    if (this.#name === null) options.push(new Option("new intent", ""));
    at("intent-which").replaceChildren(...options);
    at("intent-which").value = this.#name ?? "";
    at("intent-remove").hidden = this.#name === NONE || (this.#name === null && this.#intents.length === 0);
  }

  /** Puts what is filled in back into the text. */
  async #fill() {
    if (this.#name !== NONE) {
      await this.#put(this.#fields.read());
      return;
    }
    const none = this.#fields.readNone();
    const text = await this.#change({ out_of_scope: none });
    if (text === null) return;
    this.#none = none;
    this.#write(text);
    this.#say(KEPT);
  }

  /** Puts the shown intent back into the text as `intent`; null takes it away. */
  async #put(intent) {
    if (intent === null && this.#name === null) {
      this.#choose(this.#intents[0].name);
      return;
    }
    const text = await this.#change({ ...(this.#name && { name: this.#name }), ...(intent && { intent }) });
    if (text !== null) this.#keep(text, intent);
  }

  /** The text with that changed in it; null if it has mistakes, which are then said. */
  async #change(what) {
    const { text, problems } = await send("POST", "/api/v1/intents/entry", { text: this.#read, ...what });
    this.#problems = problems;
    // Of a new intent what was not come to yet is no mistake yet.
    this.#fields.mark(problems.filter(({ field }) => this.#name !== null || this.#fields.filled(field)));
    this.#trouble = problems.length ? UNMENDED : null;
    if (this.#trouble) {
      this.#say(problems.find(({ field }) => !field)?.message ?? "Not in the text yet: something is missing or marked.", true);
    }
    return text;
  }

  #write(text) {
    this.#read = at("fork-intents").value = text;
    at("fork-intents").dispatchEvent(new Event("input", { bubbles: true }));
  }

  #keep(text, intent) {
    const place = this.#intents.findIndex(({ name }) => name === this.#name);
    this.#intents.splice(place < 0 ? this.#intents.length : place, place < 0 ? 0 : 1, ...(intent ? [intent] : []));
    this.#write(text);
    if (intent) {
      this.#name = intent.name;
      this.#list();
    } else this.#choose(this.#intents[0]?.name ?? NONE);
    this.#say(intent ? KEPT : "Taken out of the text.");
  }

  #say(text, wrong = false) {
    at("intent-state").textContent = text;
    at("intent-state").className = wrong ? "problem" : "quiet";
  }
}
