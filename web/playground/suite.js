/** Runs cases in the sandbox, one after the other, and shows how far it is and what failed. */

import { h } from "/widget/dom.js";
import { explain, suiteRun } from "./api.js";
import { busy } from "./busy.js";

const at = (id) => document.getElementById(id);

export class Suite {
  #cases;
  #tuning;
  #failed = 0;

  /** `cases.kept` are those of this page; `tuning()` promises the form's texts and parameters. */
  constructor(cases, tuning) {
    this.#cases = cases;
    this.#tuning = tuning;
    at("suite").addEventListener("submit", (event) => {
      event.preventDefault();
      busy(at("suite-run"), () => this.#run());
    });
  }

  async #run() {
    const own = at("suite-which").value === "kept";
    at("suite-failures").replaceChildren();
    this.#failed = 0;
    at("suite-progress").hidden = false;
    at("suite-progress").removeAttribute("value");
    this.#say("Starting…");
    try {
      const tuning = at("suite-tuned").checked && (await this.#tuning());
      const body = { ...(own ? { cases: this.#cases.kept } : { suite: "bookshop" }), ...tuning };
      for await (const { event, data } of suiteRun(body)) {
        if (event === "case") this.#played(data);
        if (event === "done") this.#say(`${data.passed} of ${data.played} cases passed.`, data.passed === data.played ? "done" : "failed");
        if (event === "error") this.#say(data.detail, "failed");
      }
    } catch (problem) {
      this.#say(explain(problem), "failed");
    }
    at("suite-progress").hidden = true;
  }

  #played({ number, of, id, failures }) {
    at("suite-progress").max = of;
    at("suite-progress").value = number;
    this.#say(`${number} of ${of}: ${id}`, "running");
    for (const { said, failed, got } of failures) {
      this.#failed += 1;
      at("suite-failures").append(
        h("li", {},
          h("strong", {}, `${id}: ${failed.join(", ")}`),
          h("p", { dir: "auto" }, said),
          h("p", { class: "quiet", dir: "auto" }, `${got.route} · ${got.text}`),
        ),
      );
    }
  }

  #say(text, state = "running") {
    at("suite-state").textContent = text;
    at("suite-state").className = state;
  }
}
