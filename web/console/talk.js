/** The conversation on the right: what was said, and what the agent may do with it. */

import { newKey } from "/widget/client.js";
import { h, richText } from "/widget/dom.js";
import * as desk from "./desk.js";

const at = (id) => document.getElementById(id);
const NAMES = { user: "Customer", assistant: "Assistant", agent: "Agent" };
const STATES = { queued: "Waiting", ticketed: "Ticket", human: "With", returned: "Back with the assistant", closed: "Closed" };
const OURS = "mine";
const NAMED = new Intl.DisplayNames(["en"], { type: "language" });

export class Talk {
  #handoff = null;
  #last = null;
  #email;
  #changed;
  #sending = null; // the text that is on its way, with its key

  /** `changed()` is called after each act of the agent with this e-mail address. */
  constructor(email, changed) {
    this.#email = email;
    this.#changed = changed;
    for (const what of ["claim", "return", "close"]) at(what).addEventListener("click", () => this.act(what));
    at("transfer").addEventListener("change", ({ target }) => this.#transfer(target));
    at("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#reply();
    });
    at("text").addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#reply();
    });
  }

  get id() {
    return this.#handoff?.id ?? null;
  }

  get mine() {
    return this.#handoff?.state === "human" && this.#handoff.agent === this.#email;
  }

  /** Opens a conversation from its beginning. */
  async open(id) {
    this.#handoff = { id };
    this.#last = null;
    at("text").value = "";
    at("log").replaceChildren();
    await this.refresh();
    at("talk-title").focus();
  }

  /** Fetches what is new in the open conversation. */
  async refresh() {
    const { id } = this;
    if (!id) return;
    await this.#trying(async () => {
      const { handoff, messages } = await desk.talk(id, this.#last);
      if (id !== this.id) return; // another one was opened meanwhile
      const fresh = messages.filter((message) => !document.getElementById(message.id));
      at("log").append(...fresh.map(line));
      this.#last = messages.at(-1)?.id ?? this.#last;
      this.#show(handoff);
      if (fresh.length) at("log").scrollTop = at("log").scrollHeight;
    });
  }

  /** Claims, returns or closes. */
  async act(what, body) {
    if (!this.id) return;
    await this.#trying(async () => this.#show(await desk.act(this.id, what, body)));
    await this.#changed();
    if (what === "claim" && this.mine) at("text").focus();
  }

  #show(handoff) {
    this.#handoff = handoff;
    const open = ["queued", "ticketed", "human"].includes(handoff.state);
    at("talk-title").textContent = `${STATES[handoff.state]}${handoff.state === "human" ? ` ${this.mine ? "me" : handoff.agent}` : ""}`;
    const asked = new Date(handoff.created_at).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
    at("facts").textContent = `Conversation ${handoff.conversation_id.slice(-6)} · asked ${asked} · ${languageOf(handoff.language)}`;
    at("facts").title = handoff.conversation_id;
    at("acts").hidden = !open;
    at("claim").hidden = handoff.state === "human";
    for (const id of ["return", "close", "transfer-label", "form"]) at(id).hidden = !this.mine;
  }

  /** Offers the colleagues to whom the conversation can go. */
  offer(emails) {
    const others = emails.filter((email) => email !== this.#email);
    const option = (value, text) => h("option", { value }, text);
    at("transfer").replaceChildren(option(OURS, "to …"), option("", "the queue"), ...others.map((email) => option(email, email)));
  }

  async #transfer(select) {
    const to = select.value;
    select.value = OURS;
    if (to !== OURS) await this.act("transfer", { to: to || null });
  }

  async #reply() {
    const text = at("text").value.trim();
    if (!text || !this.mine || this.#sending?.busy) return;
    const again = this.#sending?.text === text && this.#sending.id === this.id;
    const sending = again ? this.#sending : { id: this.id, text, key: newKey() };
    this.#sending = { ...sending, busy: true };
    const sent = await this.#trying(() => desk.act(this.id, "reply", { text }, sending.key));
    this.#sending = sent ? null : { ...sending, busy: false };
    if (sent) at("text").value = "";
    await this.refresh();
  }

  /** Runs it and says what went wrong; the result, or null. */
  async #trying(work) {
    at("problem").hidden = true;
    try {
      return (await work()) ?? true;
    } catch (problem) {
      at("problem").textContent = problem.message || "The connection was lost. Try again.";
      at("problem").hidden = false;
      return null;
    }
  }
}

/** The name of a language, in English as the rest of the page. */
export function languageOf(tag) {
  try {
    return NAMED.of(tag);
  } catch {
    return tag; // no language that the browser knows
  }
}

function line({ id, role, text, route, sources = [], created_at: when }) {
  const minor = role === "assistant" && route === "handoff";
  return h(
    "article",
    { id, class: `message ${role}${minor ? " minor" : ""}` },
    h("p", { class: "who" }, `${NAMES[role]} `, h("time", { datetime: when }, new Date(when).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }))),
    h("p", { class: "text", dir: "auto" }, ...richText(text)),
    ...(sources.length ? [stoodOn(sources)] : []),
  );
}

/** What an answer of the assistant stood on, to look up. */
function stoodOn(sources) {
  const items = sources.map(({ title, quote }) => h("li", {}, h("strong", { dir: "auto" }, title), h("blockquote", { dir: "auto" }, quote)));
  return h("details", { class: "sources" }, h("summary", {}, `Sources (${items.length})`), h("ul", {}, ...items));
}
