/** Makes a case for `desk eval run` of a recorded turn or of a run, to be looked over and saved as JSONL. */

import { turns } from "./api.js";

const at = (id) => document.getElementById(id);

export class CaseForm {
  #cases = [];

  constructor() {
    at("case-download").addEventListener("click", () => this.#download());
    at("case-keep").addEventListener("click", () => this.#keep());
    at("case-close").addEventListener("click", () => (at("case-card").hidden = true));
  }

  /** Shows the case that a turn with this reply makes, with what was said before it. */
  async show(turn, { reply, tools }, message = turn.message) {
    const { turns: found } = await turns({ conversation: turn.conversation_id, limit: 50 });
    const before = found.filter(({ id, asked }) => id < turn.id && asked).reverse();
    const made = makeCase(turn, reply, tools, [...before.map(({ asked }) => asked), message]);
    at("case-text").value = JSON.stringify(made, null, 2);
    at("case-card").hidden = false;
    at("case-problem").hidden = true;
    at("case-card").scrollIntoView({ block: "nearest" });
    at("case-text").focus({ preventScroll: true });
  }

  /** The cases that were kept on this page. */
  get kept() {
    return this.#cases;
  }

  #keep() {
    const made = this.#read();
    if (!made) return;
    this.#cases = [...this.#cases.filter(({ id }) => id !== made.id), made];
    this.#tell();
    at("case-card").hidden = true;
  }

  #download() {
    const made = this.#read();
    if (!made) return;
    this.#cases = [...this.#cases.filter(({ id }) => id !== made.id), made];
    const lines = this.#cases.map((one) => `${JSON.stringify(one)}\n`).join("");
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(new Blob([lines])), download: "cases.jsonl" });
    link.click();
    URL.revokeObjectURL(link.href);
    this.#tell();
  }

  #tell() {
    at("suite-which").options.namedItem("kept").disabled = false;
    at("suite-which").value = "kept";
    at("suite-note").textContent = `${this.#cases.length} kept: ${this.#cases.map(({ id }) => id).join(", ")}`;
  }

  #read() {
    try {
      const made = JSON.parse(at("case-text").value);
      at("case-problem").hidden = true;
      return made;
    } catch {
      at("case-problem").hidden = false;
      return null;
    }
  }
}

/** A case as `evals/cases.py` reads it; of the earlier messages nothing is expected. */
export function makeCase(turn, reply, tools, said) {
  const { route, intent, language, citations } = reply.reply;
  const expect = { routes: [route], facts: [], language, citations: citations.map(({ source_id: id }) => id) };
  if (intent) expect.intent = intent;
  if (tools) expect.tools = [...new Set(tools)];
  const last = said.length - 1;
  return {
    id: `recorded-${turn.id.replaceAll("-", "").slice(-12)}`,
    source: "recorded",
    as: null,
    turns: said.map((say, index) => (index === last ? { say, expect } : { say })),
  };
}
