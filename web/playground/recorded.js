/** The list of recorded turns, and the one that is open: its conversation, its steps, one step at a time. */

import { h } from "/widget/dom.js";
import { tell, turn, turns } from "./api.js";
import { busy } from "./busy.js";
import { inspect, milliseconds } from "./inspector.js";

const at = (id) => document.getElementById(id);

export class Recorded {
  #graph;
  #cursor = null;
  #onStep;
  #onOpen;
  opened = null;
  picked = null;

  /** `onOpen(turn)` and `onStep(turn, step)` are told what is looked at. */
  constructor(graph, { onOpen, onStep }) {
    this.#graph = graph;
    this.#onOpen = onOpen;
    this.#onStep = onStep;
    at("more").addEventListener("click", ({ target }) => busy(target, () => this.list(true)));
    at("refresh").addEventListener("click", () => this.list());
  }

  /** Lists the newest turns, or the next ones below them. */
  async list(more = false) {
    try {
      const page = await turns({ cursor: more ? this.#cursor : null });
      const items = page.turns.map((one) => this.#entry(one));
      if (more) at("recorded-list").append(...items);
      else at("recorded-list").replaceChildren(...items);
      this.#cursor = page.next_cursor;
      at("more").hidden = !page.next_cursor;
      at("recorded-note").hidden = at("recorded-list").children.length > 0;
      at("recorded-note").textContent = "Nothing was recorded yet. Send a message to see its turn here.";
    } catch (problem) {
      tell(at("recorded-note"), problem);
    }
  }

  /** Opens a turn: its way through the graph, its conversation, its steps. */
  async open(id) {
    try {
      const found = await turn(id);
      this.opened = found;
      this.#graph?.trace(found.steps);
      this.#mark(id);
      at("turn").hidden = false;
      at("turn-asked").textContent = found.message || "(an action was confirmed)";
      at("turn-told").textContent = found.reply?.reply.text ?? found.problem?.detail ?? "";
      at("turn-facts").textContent = aboutTurn(found);
      this.showSteps(found.steps);
      this.#onOpen(found);
      if (found.steps.length) this.pick(found.steps.at(-1));
      await this.#talk(found);
    } catch (problem) {
      tell(at("recorded-note"), problem);
    }
  }

  /** Shows a list of steps: the recorded ones, or a run's. */
  showSteps(steps) {
    const longest = Math.max(...steps.map(({ ms }) => ms), 0.001);
    const items = steps.map((step) =>
      h("li", {},
        h("button", { type: "button", "data-place": step.place ?? "", onclick: () => this.pick(step) },
          h("span", { class: "name" }, step.node),
          h("span", { class: "ms" }, milliseconds(step.ms)),
          h("meter", { min: 0, max: longest, value: step.ms, "aria-hidden": "true" }),
        ),
      ),
    );
    at("steps").replaceChildren(...items);
    at("inspector").replaceChildren(h("p", { class: "quiet" }, steps.length ? "Choose a step." : "No node ran in this turn, or its steps are not kept any more."));
    this.steps = steps;
  }

  /** Shows one step. */
  pick(step) {
    this.picked = step;
    const place = this.steps.indexOf(step);
    markCurrent("steps", (_, index) => index === place);
    this.#graph?.pick(step.node);
    at("inspector").replaceChildren(h("h3", { class: "node-name" }, step.node), ...inspect(step));
    this.#onStep(this.opened, step);
  }

  /** Shows the latest step of a node, if there was one. */
  pickNode(name) {
    const step = this.steps?.findLast(({ node }) => node === name);
    if (step) this.pick(step);
  }

  async #talk({ conversation_id: conversation, id }) {
    const { turns: found } = await turns({ conversation, limit: 50 });
    const buttons = found.reverse().map((one, index) =>
      h("button", { type: "button", "aria-current": one.id === id && "true", title: one.asked ?? "", onclick: () => this.open(one.id) }, String(index + 1)),
    );
    at("talk").replaceChildren(...buttons);
  }

  #mark(id) {
    markCurrent("recorded-list", ({ dataset }) => dataset.turn === id);
  }

  #entry(one) {
    const marks = [one.route ?? one.state, one.model, milliseconds(one.ms), one.rating === "down" ? "rated down" : null];
    return h("li", {},
      h("button", { type: "button", "data-turn": one.id, onclick: () => this.open(one.id) },
        h("strong", { dir: "auto" }, one.asked ?? "(not kept)"),
        h("small", {}, marks.filter(Boolean).join(" · ")),
        h("time", { datetime: one.accepted_at }, new Date(one.accepted_at).toLocaleString([], { dateStyle: "short", timeStyle: "short" })),
      ),
    );
  }
}

/** Says which button of a list is the open one, to eyes and ears: an empty `aria-current` is read as none. */
function markCurrent(list, isOpen) {
  for (const [index, button] of [...at(list).querySelectorAll("button")].entries()) {
    if (isOpen(button, index)) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
}

function aboutTurn({ reply, state, id }) {
  const inner = reply?.reply;
  const parts = [inner?.route ?? state, inner?.intent, reply?.model, reply && milliseconds(reply.timings_ms.total), id];
  return parts.filter(Boolean).join(" · ");
}
