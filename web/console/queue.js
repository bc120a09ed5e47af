/** The queue on the left: who waits, who is with whom; arrow keys go through it. */

import { h } from "/widget/dom.js";
import { languageOf } from "./talk.js";

const REASONS = {
  requested: "asked for a person",
  offer_accepted: "the assistant did not know",
  complaint: "complaint",
  order_proof: "could not prove an order",
  effect_unknown: "nobody knows whether it was done",
  other: "needs a person",
};

export class Queue {
  #choose;
  #rows = new Map();

  /** `choose(id)` is called when the agent opens an entry of `element`. */
  constructor(element, choose) {
    this.element = element;
    this.#choose = choose;
    element.addEventListener("keydown", (event) => this.#key(event));
    setInterval(() => this.tick(), 1000);
  }

  /** Shows the entries in groups; `mine` tells whose are the agent's own. The focus stays where it was. */
  show(entries, mine, chosen) {
    const focused = this.#rows.size && this.element.contains(document.activeElement) ? document.activeElement.dataset.id : null;
    const groups = [
      ["Waiting", entries.filter(({ state }) => state === "queued")],
      ["With me", entries.filter(mine)],
      ["Tickets", entries.filter(({ state }) => state === "ticketed")],
      ["With colleagues", entries.filter((entry) => entry.state === "human" && !mine(entry))],
    ];
    this.#rows.clear();
    const nodes = groups.filter(([, group]) => group.length).map(([name, group]) => this.#group(name, group));
    this.element.replaceChildren(...nodes);
    this.pick(chosen);
    this.tick();
    this.#rows.get(focused)?.button.focus();
  }

  /** Marks the entry that is open. */
  pick(chosen) {
    for (const [id, { button }] of this.#rows) {
      if (id === chosen) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
  }

  /** Puts the focus on the chosen entry, or on the first. */
  focus(chosen) {
    (this.#rows.get(chosen) ?? this.#rows.values().next().value)?.button.focus();
  }

  /** Lets the waiting times go on. */
  tick() {
    for (const { entry, time, button, since } of this.#rows.values()) {
      const waited = entry.waiting_seconds == null ? null : entry.waiting_seconds + (Date.now() - since) / 1000;
      const late = entry.due_at != null && Date.parse(entry.due_at) < Date.now();
      time.textContent = waited == null ? "answered" : `${late ? "late, " : ""}waits ${clock(waited)}`;
      button.classList.toggle("late", waited != null && late);
    }
  }

  #group(name, entries) {
    const rows = entries.map((entry) => h("li", {}, this.#row(entry)));
    return h("section", {}, h("h3", {}, `${name} (${entries.length})`), h("ul", {}, ...rows));
  }

  #row(entry) {
    const time = h("span", { class: "time" });
    const who = entry.state === "human" ? h("small", {}, entry.agent ?? "a colleague") : "";
    const button = h(
      "button",
      { type: "button", "data-id": entry.id, onclick: () => this.#choose(entry.id) },
      h("strong", {}, REASONS[entry.reason] ?? entry.reason),
      h("small", {}, `${languageOf(entry.language)} · ${entry.conversation_id.slice(-6)}`),
      time,
      who,
    );
    this.#rows.set(entry.id, { entry, time, button, since: Date.now() });
    return button;
  }

  #key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const buttons = [...this.#rows.values()].map(({ button }) => button);
    buttons[Math.min(Math.max(buttons.indexOf(document.activeElement) + step, 0), buttons.length - 1)]?.focus();
  }
}

function clock(seconds) {
  const minutes = Math.floor(seconds / 60);
  if (minutes >= 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${minutes}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}
