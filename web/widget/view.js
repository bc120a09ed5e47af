/** The widget's frame: launcher, panel, log, the draft of the running answer, composer. It knows no server. */

import { h, icon } from "./dom.js";
import { CHAT, CLOSE, PERSON, SEND } from "./icons.js";
import { withdraw } from "./messages.js";

const NEAR_BOTTOM_PX = 80;

export class View {
  unread = 0;

  /** `on` holds the callbacks: open, close, send(text), person, type(text). */
  constructor(words, language, on) {
    this.words = words;
    this.log = h("div", { class: "log", role: "log", "aria-live": "polite", "aria-label": words.log });
    this.draftText = h("p", { class: "bubble", dir: "auto" });
    this.dots = h("span", { class: "dots" }, h("i"), h("i"), h("i"));
    this.doing = h("span", { class: "doing" });
    // Outside the log and hidden from assistive technology: a screen reader hears the whole answer once.
    this.draft = h(
      "div",
      { class: "message assistant draft", "aria-hidden": "true", hidden: true },
      this.draftText,
      h("p", { class: "progress" }, this.dots, this.doing),
    );
    this.status = h("p", { class: "unseen", role: "status" });
    this.scroller = h("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": words.log }, this.log, this.draft);
    this.heading = h("h2", { id: "title" });
    this.about = h("p", { "aria-live": "polite" }, words.about);
    this.input = h("textarea", { id: "message", rows: "1", dir: "auto", placeholder: words.placeholder, enterkeyhint: "send" });
    this.sendButton = h("button", { type: "submit", class: "send", "aria-label": words.send }, icon(SEND));
    this.launcher = h(
      "button",
      { type: "button", class: "launcher", "aria-label": words.open, "aria-expanded": "false", "aria-haspopup": "dialog", onclick: on.open },
      icon(CHAT),
      (this.badge = h("span", { class: "badge", "aria-hidden": "true", hidden: true })),
    );
    this.news = h("p", { class: "unseen", role: "status" }); // the panel's own cannot be heard while it is hidden
    this.panel = this.#panel(on);
    this.panel.addEventListener("keydown", (event) => this.#key(event, on));
    this.root = h("div", { class: "root", title: "", lang: language }, this.launcher, this.news, this.panel);
  }

  #panel(on) {
    const { words } = this;
    const close = h("button", { type: "button", class: "close", "aria-label": words.close, onclick: on.close }, icon(CLOSE));
    // No banner and no contentinfo: the page has its own.
    this.head = h("header", { role: "none" }, h("div", {}, this.heading, this.about), close);
    this.person = h("button", { type: "button", class: "person", onclick: on.person }, icon(PERSON), words.person);
    const label = h("label", { class: "unseen", for: "message" }, words.label);
    const form = h("form", { class: "composer" }, label, this.input, this.sendButton);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      on.send(this.input.value);
    });
    this.input.addEventListener("input", () => {
      this.#fit();
      on.type(this.input.value);
    });
    this.typed = on.type;
    const foot = h("footer", { role: "none" }, this.person, form);
    return h("section", { class: "panel", role: "dialog", "aria-labelledby": "title", hidden: true }, this.head, this.scroller, this.status, foot);
  }

  /** Colours by custom property, and the picture, or null, that stands before the title. */
  dress(colors, picture) {
    for (const [name, color] of Object.entries(colors)) this.root.style.setProperty(name, color);
    if (!picture) return;
    const logo = h("img", { class: "logo", src: picture, alt: "", referrerpolicy: "no-referrer" });
    logo.addEventListener("error", () => logo.remove());
    this.head.prepend(logo);
  }

  #key(event, on) {
    const composing = event.isComposing || event.keyCode === 229; // 229: an input method is still at work
    if (composing) return;
    if (event.key === "Escape") {
      event.stopPropagation();
      on.close();
    } else if (event.key === "Enter" && !event.shiftKey && event.target === this.input) {
      event.preventDefault();
      on.send(this.input.value);
    } else if (event.key === "Tab" && this.#coversThePage()) {
      this.#keepFocusInside(event);
    }
  }

  #coversThePage() {
    return getComputedStyle(this.panel).getPropertyValue("--covers").trim() === "1";
  }

  #keepFocusInside(event) {
    const stops = [...this.panel.querySelectorAll("button, textarea, summary, a, [tabindex]")].filter(
      (node) => !node.disabled && node.getClientRects().length,
    );
    const edge = event.shiftKey ? stops[0] : stops.at(-1);
    if (event.target !== edge) return;
    event.preventDefault();
    (event.shiftKey ? stops.at(-1) : stops[0]).focus();
  }

  /** Shows or hides the panel; focus goes to the composer, and back to the launcher if it was inside. */
  toggle(isOpen) {
    const hadFocus = this.panel.contains(this.panel.getRootNode().activeElement);
    this.panel.hidden = !isOpen;
    this.launcher.hidden = isOpen;
    this.launcher.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) {
      this.#tellUnread(0);
      this.#fit();
      this.panel.setAttribute("aria-modal", String(this.#coversThePage()));
      this.#rest();
      this.toEnd();
    } else if (hadFocus) this.launcher.focus();
  }

  /** Where focus waits: the composer, except on touch screens, where that would raise the keyboard. */
  #rest() {
    (matchMedia("(pointer: coarse)").matches ? this.scroller : this.input).focus();
  }

  /** Whether a person can be asked for: not while one is. */
  offerPerson(can) {
    const hadFocus = this.person.getRootNode().activeElement === this.person;
    this.person.hidden = !can;
    if (hadFocus && !can) this.#rest();
  }

  /** What came while the panel was closed shows on the launcher, and is read aloud. */
  #tellUnread(count) {
    const { open, unread } = this.words;
    this.unread = count;
    this.badge.hidden = !count;
    this.badge.textContent = String(count);
    this.news.textContent = count ? `${unread} (${count})` : "";
    this.launcher.setAttribute("aria-label", count ? `${open}. ${unread} (${count})` : open);
  }

  #count(node) {
    if (this.panel.hidden && node.matches(".message:not(.user)")) this.#tellUnread(this.unread + 1);
  }

  /** Puts `text` into the composer. */
  write(text) {
    this.input.value = text;
    this.#fit();
    this.typed(text);
  }

  #fit() {
    this.input.style.height = "auto";
    this.input.style.height = `${this.input.scrollHeight}px`;
  }

  /** Adds to the log, below everything, and follows it if the reader was at the end. */
  add(node) {
    this.#following(() => this.log.append(node));
    this.#count(node);
  }

  /** Fills the log without reading it aloud. */
  restore(nodes) {
    this.log.setAttribute("aria-live", "off");
    this.log.replaceChildren(...nodes);
    this.toEnd();
    setTimeout(() => this.log.setAttribute("aria-live", "polite"), 500);
  }

  /** A turn begins: old offers end, the draft shows that somebody writes. */
  begin() {
    const focusLost = !this.panel.hidden && (!this.panel.contains(this.input.getRootNode().activeElement) || this.log.contains(this.input.getRootNode().activeElement));
    withdraw(this.words, this.log);
    if (focusLost) this.#rest();
    this.sendButton.setAttribute("aria-disabled", "true");
    this.draft.hidden = false;
    this.show("");
    this.doingNow(this.words.typing);
    this.toEnd();
  }

  /** Replaces the draft's text. */
  show(text) {
    this.#following(() => {
      this.draftText.textContent = text;
      this.draftText.hidden = !text;
    });
  }

  /** Adds to the draft's text. */
  append(text) {
    this.#following(() => {
      this.draftText.append(text);
      this.draftText.hidden = false;
    });
  }

  /** Says what is being done right now: seen below the draft, and read aloud. */
  doingNow(text) {
    this.doing.textContent = text === this.words.typing ? "" : text;
    this.status.textContent = text;
  }

  /** The turn is over: the draft goes, `node` (the answer or the error) takes its place in the log. */
  end(node) {
    this.#following(() => {
      this.draft.hidden = true;
      this.log.append(node);
    }, node);
    this.#count(node);
    this.status.textContent = "";
    this.sendButton.removeAttribute("aria-disabled");
  }

  toEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  /** Does `change`, and follows it to the end; of a `whole` that does not fit its beginning is shown. */
  #following(change, whole = null) {
    const { scrollHeight, scrollTop, clientHeight } = this.scroller;
    const wasAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_BOTTOM_PX;
    change();
    if (!wasAtEnd) return;
    this.toEnd();
    if (whole?.offsetHeight > clientHeight) whole.scrollIntoView({ block: "start" });
  }
}
