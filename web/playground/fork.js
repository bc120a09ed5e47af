/** The form that forks a recorded turn at a step: what to change there, and how often to run on. */

import { h } from "/widget/dom.js";
import { explain } from "./api.js";
import { busy } from "./busy.js";
import { lines } from "./diff.js";
import { Intents } from "./intents.js";

const at = (id) => document.getElementById(id);
// The texts that a fork may have in place of a turn's own.
const TEXTS = ["prompt", "intents"];

export class Fork {
  #turn = null;
  #step = null;
  #intents = new Intents();

  /** `run(turn, fork)` promises to run what the form says. */
  constructor(run) {
    at("fork").addEventListener("submit", (event) => {
      event.preventDefault();
      busy(at("fork-run"), () => this.#start(run));
    });
    at("fork").addEventListener("input", () => this.#tellChanges());
    addEventListener("beforeunload", (event) => TEXTS.some((name) => differs(name, this.#turn)) && event.preventDefault());
    at("fork-reset").addEventListener("click", () => this.show(this.#turn, this.#step, true));
  }

  /** Shows the form for a step. What was typed stays for the same turn, an edited text for every turn that had the same. */
  show(turn, step, anew = false) {
    const known = turn.forkable && step.place != null;
    at("fork-card").hidden = !turn.forkable;
    if (!known) return;
    if (anew || this.#turn?.id !== turn.id) this.#fill(turn, anew);
    if (anew || this.#step !== step) at("fork-state").value = JSON.stringify(step.input, null, 2);
    this.#turn = turn;
    this.#step = step;
    at("fork-node").textContent = step.node;
    this.#say("");
  }

  async #start(run) {
    const fork = await this.#read();
    if (!fork) return;
    at("fork-run").textContent = "Running…";
    await run(this.#turn, fork);
    at("fork-run").textContent = "Run in the sandbox";
  }

  #fill(turn, anew) {
    const { prompt, intents, parameters } = turn;
    at("fork-message").value = turn.message;
    for (const name of TEXTS) {
      const stays = !anew && differs(name, this.#turn) && this.#turn[name].text === turn[name].text;
      if (!stays) at(`fork-${name}`).value = turn[name].text;
    }
    at("fork-prompt-name").textContent = `Prompt ${prompt.name} v${prompt.version}`;
    at("fork-intents-name").textContent = `Intents and canned replies v${intents.version}`;
    at("fork-variables").textContent = `It may use ${prompt.variables.map((name) => `{{${name}}}`).join(", ")}.`;
    at("fork-parameters").replaceChildren(...Object.entries(parameters).map(([name, known]) => parameter(name, known)));
    this.#intents.begin(turn.reply?.reply.intent);
    this.#tellChanges(turn);
  }

  /** Which texts differ from what the turn had is said where they are folded away. */
  #tellChanges(turn = this.#turn) {
    for (const name of TEXTS) {
      const changed = differs(name, turn);
      at(`fork-${name}-name`).classList.toggle("changed", changed);
      at(`fork-${name}-changes`).hidden = !changed;
      at(`fork-${name}-changes`).replaceChildren(...(changed ? changesOf(turn[name].text, at(`fork-${name}`).value) : []));
    }
  }

  /** The fork as the API takes it, of what differs alone; null when the form has mistakes. */
  async #read() {
    const fork = { at: this.#step.place, times: Number(at("fork-times").value) };
    try {
      Object.assign(fork, await this.tuning());
    } catch (problem) {
      this.#say(explain(problem));
      return null;
    }
    const message = at("fork-message").value.trim();
    if (message && message !== this.#turn.message) fork.message = message;
    try {
      fork.state = changed(this.#step.input, JSON.parse(at("fork-state").value));
    } catch {
      this.#say("The state is no JSON. Mend it, or choose “Undo changes”.");
      return null;
    }
    this.#say("");
    return fork;
  }

  /** Promises `{prompt?, intents?, parameters}`: what differs from what the turn had. Throws while a form has mistakes. */
  async tuning() {
    await this.#intents.settled();
    const inputs = [...at("fork-parameters").querySelectorAll("input")].filter(({ value, defaultValue }) => value !== "" && value !== defaultValue);
    const parameters = Object.fromEntries(inputs.map(({ name, value }) => [name, Number(value)]));
    const edited = TEXTS.filter((name) => differs(name, this.#turn));
    return { parameters, ...Object.fromEntries(edited.map((name) => [name, at(`fork-${name}`).value])) };
  }

  #say(problem) {
    at("fork-problem").textContent = problem;
    at("fork-problem").hidden = !problem;
  }

  /** Shows what a run was refused for. */
  refuse(problem) {
    this.#say(problem);
  }
}

function parameter(name, { node, what, least, most, whole, value }) {
  const id = `parameter-${name}`;
  const input = h("input", { id, name, type: "number", min: least, max: most, step: whole ? 1 : "any", value: value ?? "", placeholder: "as set", title: what });
  return h("div", {}, h("label", { for: id }, name.replaceAll("_", " ")), input, h("small", {}, `${node}: ${what}`));
}

function changesOf(before, after) {
  const tags = { same: "span", gone: "del", new: "ins" };
  return lines(before.trim(), after.trim()).map(({ kind, text }) => h(tags[kind], {}, text));
}

function differs(name, turn) {
  return turn !== null && at(`fork-${name}`).value.trim() !== turn[name].text.trim();
}

/** The values of `after` that are not those of `before`. */
function changed(before, after) {
  return Object.fromEntries(Object.entries(after).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name])));
}
