/** The conversation on the right: what was said, and what the agent may do with it. */

import { newKey } from "/widget/client.js";
import { h, richText } from "/widget/dom.js";
import * as desk from "./desk.js";

const at = (id) => document.getElementById(id);
const NAMES = { user: "Customer", assistant: "Assistant", agent: "Agent" };
const STATES = { queued: "Waiting", ticketed: "Ticket", human: "With", returned: "Back with the assistant", closed: "Closed" };
const NEAR_END_PX = 80;
const NAMED = new Intl.DisplayNames(["en"], { type: "language" });

export class Talk {
  #handoff = null;
  #last = null;
  #email;
  #changed;
  #sending = null; // the text that is on its way, with its key
  #acting = false;
  #drafts = new Map(); // what is written and not sent, by conversation

  /** `changed()` is called after each act of the agent with this e-mail address. */
  constructor(email, changed) {
    this.#email = email;
    this.#changed = changed;
    for (const what of ["claim", "return", "close"]) at(what).addEventListener("click", () => this.act(what));
    addEventListener("beforeunload", (event) => [at("text").value, ...this.#drafts.values()].some((text) => text.trim()) && event.preventDefault());
    at("transfer-go").addEventListener("click", () => this.act("transfer", { to: at("transfer").value || null }));
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
    if (this.id) this.#drafts.set(this.id, at("text").value);
    this.#handoff = { id };
    this.#last = null;
    at("text").value = this.#drafts.get(id) ?? "";
    at("log").setAttribute("aria-live", "off"); // what was said before is read by who wants to
    at("log").replaceChildren();
    at("problem").hidden = true;
    await Promise.all([this.refresh(), this.#trying("refresh", async () => this.#offer(await desk.colleagues()))]);
    at("log").scrollTop = at("log").scrollHeight;
    at("talk-title").focus();
    setTimeout(() => at("log").setAttribute("aria-live", "polite"), 500);
  }

  /** Fetches what is new in the open conversation. */
  async refresh() {
    const { id } = this;
    if (!id) return;
    await this.#trying("refresh", async () => {
      const { handoff, messages } = await desk.talk(id, this.#last);
      if (id !== this.id) return; // another one was opened meanwhile
      const fresh = messages.filter((message) => !document.getElementById(message.id));
      const wasAtEnd = isAtEnd();
      at("log").append(...fresh.map(line));
      this.#last = messages.at(-1)?.id ?? this.#last;
      this.#show(handoff);
      if (fresh.length && wasAtEnd) at("log").scrollTop = at("log").scrollHeight;
    });
  }

  /** Claims, transfers, returns or closes; the focus does not go down with the button. */
  async act(what, body) {
    if (!this.id || this.#acting) return;
    this.#acting = true;
    const wasAtEnd = isAtEnd();
    await this.#trying("act", async () => this.#show(await desk.act(this.id, what, body)));
    this.#acting = false;
    if (wasAtEnd) at("log").scrollTop = at("log").scrollHeight; // the form for a reply took some of its room
    if (what === "claim" && this.mine) at("text").focus();
    else if (!this.mine) at("talk-title").focus();
    await this.#changed();
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
    for (const id of ["return", "close", "transfer-to", "form"]) at(id).hidden = !this.mine;
  }

  /** Offers the colleagues to whom the conversation can go. */
  #offer(emails) {
    const others = emails.filter((email) => email !== this.#email);
    at("transfer").replaceChildren(new Option("the queue", ""), ...others.map((email) => new Option(email, email)));
  }

  async #reply() {
    const text = at("text").value.trim();
    if (!text || !this.mine || this.#sending?.busy) return;
    const again = this.#sending?.text === text && this.#sending.id === this.id;
    const sending = again ? this.#sending : { id: this.id, text, key: newKey() };
    this.#sending = { ...sending, busy: true };
    const sent = await this.#trying("act", () => desk.act(this.id, "reply", { text }, sending.key));
    this.#sending = sent ? null : { ...sending, busy: false };
    if (sent) this.#told(sending);
    await this.refresh();
  }

  /** Takes what was sent out of its field; what was written since, here or in another conversation, stays. */
  #told({ id, text }) {
    if (id !== this.id) this.#drafts.delete(id);
    else if (at("text").value.trim() === text) at("text").value = "";
  }

  /** Runs it and says what went wrong; the result, or null. What was said of an `act` outlasts a `refresh`. */
  async #trying(what, work) {
    if (at("problem").dataset.of === what) at("problem").hidden = true;
    try {
      return (await work()) ?? true;
    } catch (problem) {
      at("problem").textContent = problem.message || "The connection was lost. Try again.";
      at("problem").hidden = false;
      at("problem").dataset.of = what;
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

function isAtEnd() {
  const { scrollTop, scrollHeight, clientHeight } = at("log");
  return scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
}

function line({ id, role, text, route, sources = [], created_at: when }) {
  const minor = role === "assistant" && route === "handoff";
  return h(
    "article",
    { id, class: `message ${role}${minor ? " minor" : ""}` },
    h("p", { class: "who" }, `${NAMES[role]} `, h("time", { datetime: when }, moment(new Date(when)))),
    h("p", { class: "text", dir: "auto" }, ...richText(text)),
    ...(sources.length ? [stoodOn(sources)] : []),
  );
}

/** The time of day, with the day unless it is today. */
function moment(when) {
  const day = when.toDateString() === new Date().toDateString() ? {} : { day: "numeric", month: "short", year: "numeric" };
  return when.toLocaleString([], { ...day, hour: "2-digit", minute: "2-digit" });
}

/** What an answer of the assistant stood on, to look up. */
function stoodOn(sources) {
  const items = sources.map(({ title, quote }) => h("li", {}, h("strong", { dir: "auto" }, title), h("blockquote", { dir: "auto" }, quote)));
  return h("details", { class: "sources" }, h("summary", {}, `Sources (${items.length})`), h("ul", {}, ...items));
}
