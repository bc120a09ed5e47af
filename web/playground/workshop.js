/** The workshop under the graph: a recorded turn, its steps, forks of it beside one another, and cases. */

import { explain, runs } from "./api.js";
import { CaseForm } from "./case.js";
import { Compare } from "./compare.js";
import { Fork } from "./fork.js";
import { Recorded } from "./recorded.js";
import { Release } from "./release.js";
import { Suite } from "./suite.js";

const at = (id) => document.getElementById(id);

export class Workshop {
  #graph;
  #turns;
  #fork;
  #compare;
  #cases = new CaseForm();
  #release;
  #message = null;

  constructor(graph) {
    this.#graph = graph;
    this.#turns = new Recorded(graph, { onOpen: (turn) => this.#opened(turn), onStep: (turn, step) => this.#fork.show(turn, step) });
    this.#fork = new Fork((turn, fork) => this.#run(turn, fork));
    this.#compare = new Compare({ onPick: (column) => this.#show(column), onCase: (column) => this.#save(column) });
    new Suite(this.#cases, () => this.#fork.tuning());
    this.#release = new Release(() => this.#fork.tuning());
    at("turn-case").addEventListener("click", () => this.#save({ ...this.#turns.opened }));
    at("turn-steps").addEventListener("click", () => this.#turns.open(this.#turns.opened.id));
    this.#turns.list();
    this.#openAsked(new URLSearchParams(location.search));
  }

  async #openAsked(query) {
    if (!query.get("turn")) return;
    await this.#turns.open(query.get("turn"));
    if (query.get("case") && this.#turns.opened) await this.#save({ ...this.#turns.opened });
  }

  /** A turn has just ended: it is in the list now, and open. */
  async recorded(id) {
    await this.#turns.list();
    await this.#turns.open(id);
  }

  /** Shows the step of a node that was clicked in the graph. */
  pickNode(name) {
    this.#turns.pickNode(name);
  }

  #opened(turn) {
    this.#message = null;
    this.#compare.begin(turn);
    this.#release.show(turn);
  }

  async #run(turn, fork) {
    const begun = this.#compare.runs;
    this.#message = fork.message ?? null;
    try {
      for await (const { event, data } of runs(turn.id, fork)) {
        if (event === "step") this.#light(data, turn, fork);
        if (event === "run") this.#compare.add({ ...data, before: turn.steps.slice(0, fork.at), message: fork.message }, `Run ${begun + data.run}`);
        if (event === "error") this.#fork.refuse(data.detail);
      }
    } catch (problem) {
      this.#fork.refuse(explain(problem));
    }
  }

  /** A run is lit like a turn, from what was recorded before its fork on. */
  #light(step, turn, fork) {
    if (step.state === "started" && step.node === turn.steps[fork.at].node && this.#lit !== step.run) {
      this.#lit = step.run;
      this.#graph?.trace(turn.steps.slice(0, fork.at));
    }
    this.#graph?.step(step);
  }

  #lit = 0;

  #show(column) {
    if (column.name === "Recorded") {
      this.#turns.open(column.id);
      return;
    }
    this.#graph?.trace(column.steps);
    this.#turns.showSteps(column.steps);
    if (column.steps.length) this.#turns.pick(column.steps.at(-1));
    at("turn").scrollIntoView({ block: "nearest" });
  }

  async #save(column) {
    const turn = this.#turns.opened;
    if (!column.reply) return;
    try {
      await this.#cases.show(turn, column, column.message ?? turn.message);
    } catch (problem) {
      this.#fork.refuse(explain(problem));
    }
  }
}
