/** `<deskgraph-chat server token site identity title locale open>`: joins the view to the chat API. */

import { brandingOf, colorsOf } from "./brand.js";
import { Client, newKey, Problem } from "./client.js";
import { follow } from "./live.js";
import { Memory } from "./memory.js";
import { answer, bubble, notice, past } from "./messages.js";
import { STYLE } from "./style.js";
import { View } from "./view.js";
import { Visitor } from "./visitor.js";
import { wordsFor } from "./words.js";

const HOME = new URL(import.meta.url).origin;
const BACK_TO_COMPOSER = new Set([413, 422]);

export class DeskgraphChat extends HTMLElement {
  static observedAttributes = ["open", "title", "site", "identity"];

  /** A statement of the shop's server about who the visitor is, or a function that fetches a fresh one. */
  identity = this.identity ?? null; // a page may have set it before this script came

  #visitor = new Visitor(() => ({
    server: this.#server,
    site: this.getAttribute("site"),
    identity: this.identity ?? this.getAttribute("identity"),
  }));
  #client = new Client(
    async () => ({ server: this.#server, token: this.getAttribute("token") || (await this.#visitor.token()) }),
    () => !this.getAttribute("token") && this.#visitor.forget(),
  );
  #memory = new Memory(() => this.#server);
  #view = null;
  #words = null;
  #language = "en";
  #busy = false;
  #wantsPerson = false;
  #restored = null;
  #live = null; // ends the stream of what a person says, while there is one
  #withPerson = false;
  #ending = false;
  #heard = new Set();
  #brand = {};

  connectedCallback() {
    if (this.#view) return;
    const { language, words } = wordsFor(this.getAttribute("locale"));
    this.#language = language;
    this.#words = words;
    this.#view = new View(words, language, {
      open: () => this.toggleAttribute("open", true),
      close: () => this.toggleAttribute("open", false),
      send: (text) => this.ask(text),
      person: () => this.#askForPerson(),
      type: (text) => (this.#memory.draft = text),
    });
    this.#view.write(this.#memory.draft);
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [STYLE];
    root.append(this.#view.root);
    this.#label();
    this.#dress();
    if (this.hasAttribute("open")) this.#toggle();
    else if (document.readyState === "complete") this.#comeBack();
    else addEventListener("load", () => this.#comeBack(), { once: true }); // by then the page has said who the visitor is
  }

  /** Goes on with a conversation, also unseen: what is said meanwhile shows on the launcher. */
  #comeBack() {
    if (this.#memory.conversation || this.#memory.turn) this.#restored ??= this.#restore();
  }

  attributeChangedCallback(name) {
    if (name === "site" || name === "identity") this.#visitor.forget();
    else if (!this.#view) return;
    else if (name === "title") this.#label();
    else if (this.#view.panel.hidden === this.hasAttribute("open")) this.#toggle();
  }

  /** Opens the chat and sends `text` as the user; while an answer is running it waits in the composer, if that is empty. */
  async ask(text) {
    const message = text.trim();
    if (!message) return;
    this.toggleAttribute("open", true);
    await this.#restored;
    const typed = this.#view.input.value.trim(); // what the user is writing is not thrown away for a suggestion
    if (this.#busy && !typed) this.#view.write(message);
    if (this.#busy) return;
    if (typed === message) this.#view.write("");
    await this.#say(this.#turn({ message, locale: this.#language }, message));
  }

  async #askForPerson() {
    this.#wantsPerson = this.#busy;
    if (!this.#busy) await this.ask(this.#words.person);
  }

  async #confirm(action) {
    if (!this.#busy) await this.#say(this.#turn({ confirm: action.id }, `${this.#words.confirmed}: ${action.label}`));
  }

  /** A new turn that shows as `said`. Its body is fixed here: the same key must never come with another body. */
  #turn(content, said) {
    const conversation = this.#memory.conversation;
    return { content, said, key: newKey(), body: { ...content, ...(conversation && { conversation_id: conversation }) } };
  }

  async #say(turn) {
    this.#view.add(bubble(this.#words, "user", turn.said));
    await this.#run(turn);
  }

  /** Runs one turn from the first byte to its `done`, or to a notice that lets the user try again. */
  async #run(turn) {
    this.#busy = true;
    this.#memory.turn = turn;
    this.#view.begin();
    try {
      for await (const { event, data } of this.#client.turn(turn.body, turn.key)) this.#on[event]?.(data, turn);
    } catch (problem) {
      if (!(problem instanceof Problem)) console.error(problem);
      this.#view.end(this.#refusal(problem, turn));
    }
    this.#busy = false;
    this.#memory.turn = null;
    if (this.#wantsPerson) await this.#askForPerson();
  }

  /** What each event of a running turn does to the view. */
  #on = {
    accepted: ({ conversation_id: id, turn_id: turnId }, turn) => {
      this.#memory.conversation = id;
      this.#memory.turn = { ...turn, id: turnId };
    },
    token: ({ text }) => this.#view.append(text),
    revise: ({ text }) => this.#view.show(text),
    tool: ({ state }) => this.#view.doingNow(state === "started" ? this.#words.working : this.#words.typing),
    degraded: (_, turn) => {
      if (!turn.degraded) this.#view.add(notice(this.#words.degraded, { kind: "degraded" }));
      turn.degraded = true;
    },
    handoff: ({ state }) => {
      if (state === "queued") this.#view.add(notice(this.#words.handoff));
      this.#listen();
    },
    reconnecting: () => {
      this.#view.show("");
      this.#view.doingNow(this.#words.reconnecting);
    },
    done: (done) => {
      this.#memory.conversation = done.conversation_id;
      this.#view.end(this.#withPerson ? notice(done.reply.text, { kind: "receipt" }) : answer(this.#words, done, this.#below));
    },
    error: ({ detail }, turn) => this.#view.end(this.#failure(detail, () => this.#turn(turn.content, turn.said))),
  };

  /** What the buttons below an answer do. */
  #below = {
    confirm: (action) => this.#confirm(action),
    suggest: (text) => this.ask(text),
    rate: (turnId, value) => this.#rate(turnId, value),
  };

  /** Hears what a person says in this conversation, from the beginning of its handoff to its end. */
  async #listen() {
    if (this.#live) return;
    const live = (this.#live = new AbortController());
    try {
      const path = `/api/v1/conversations/${this.#memory.conversation}/events`;
      for await (const { event, data } of follow(this.#client, path, live.signal)) this.#hear[event]?.(data);
    } catch (problem) {
      this.#view.add(notice(this.#explain(problem), { kind: "error" }));
    }
    if (this.#live === live) this.#hush();
  }

  /** What each event of the live stream does to the view; after a drop some may come twice. */
  #hear = {
    online: () => this.#tellWho(),
    offline: () => (this.#view.about.textContent = this.#words.reconnecting),
    handoff: ({ state }) => {
      this.#withPerson = state === "human";
      this.#ending = state === "returned" || state === "closed";
      this.#view.offerPerson(!["queued", "human"].includes(state));
      this.#tellWho();
    },
    message: ({ id, role, text }) => {
      if (!this.#heard.has(id)) this.#view.add(bubble(this.#words, role, text));
      this.#heard.add(id);
      if (this.#ending) this.#hush(); // those were the last words
    },
  };

  #hush() {
    this.#live?.abort();
    this.#live = null;
    this.#withPerson = this.#ending = false;
    this.#view.offerPerson(true);
    this.#tellWho();
  }

  #tellWho() {
    this.#view.about.textContent = this.#withPerson ? this.#words.joined : this.#words.about;
  }

  /** The notice for a turn that the server did not take, or that never came back. */
  #refusal(problem, turn) {
    if (problem.status === 404) this.#forget();
    if (BACK_TO_COMPOSER.has(problem.status) && turn.content.message && !this.#view.input.value) {
      this.#view.write(turn.content.message);
      return notice(this.#explain(problem), { kind: "error" });
    }
    return this.#failure(this.#explain(problem), () => (problem.mayHaveArrived ? turn : this.#turn(turn.content, turn.said)));
  }

  #failure(text, nextTurn) {
    const node = notice(text || this.#words.failed, {
      kind: "error",
      button: this.#words.retry,
      onclick: () => {
        if (this.#busy) return;
        node.remove();
        this.#run(nextTurn());
      },
    });
    return node;
  }

  #explain({ status, message }) {
    if (status === 0) return this.#words.network;
    if (status === 401) return this.#words.signin;
    return message || this.#words.failed;
  }

  async #rate(turnId, value) {
    try {
      await this.#client.rate(turnId, value);
      this.#view.status.textContent = this.#words.thanks;
      return true;
    } catch (problem) {
      this.#view.add(notice(problem.message || this.#words.feedbackFailed, { kind: "error" }));
      return false;
    }
  }

  #toggle() {
    this.#view.toggle(this.hasAttribute("open"));
    if (this.hasAttribute("open")) this.#restored ??= this.#restore();
  }

  async #restore() {
    const welcome = bubble(this.#words, "assistant", this.#words.welcome);
    this.#view.restore([welcome]);
    const pending = this.#memory.turn;
    try {
      const messages = this.#memory.conversation ? await this.#client.history(this.#memory.conversation) : [];
      this.#view.restore([welcome, ...messages.map((message) => past(this.#words, message, this.#below))]);
      for (const { id } of messages) this.#heard.add(id);
      if (messages.some(({ route }) => route === "handoff")) this.#listen();
      if (pending && !messages.some(({ turn_id: id }) => id === pending.id)) this.#say(pending);
    } catch (problem) {
      if (problem.status === 404) this.#forget();
      else this.#view.add(notice(this.#explain(problem), { kind: "error" }));
    }
  }

  #label() {
    this.#view.heading.textContent = this.getAttribute("title") || this.#brand.title || this.#words.title;
  }

  async #dress() {
    const here = { server: this.#server, site: this.getAttribute("site"), token: this.getAttribute("token") };
    this.#brand = await brandingOf(this.#client, here);
    this.#view.dress(colorsOf(this.#brand.color), this.#brand.logo_url);
    this.#label();
  }

  get #server() {
    return new URL(this.getAttribute("server") || HOME, document.baseURI).origin;
  }

  disconnectedCallback() {
    this.#hush();
  }

  #forget() {
    this.#hush();
    this.#memory.forget();
  }
}

