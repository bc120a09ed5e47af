/** Runs side by side with what was recorded, and two of them word by word. */

import { h } from "/widget/dom.js";
import { words } from "./diff.js";
import { dollars, milliseconds } from "./inspector.js";

const at = (id) => document.getElementById(id);

const ROWS = [
  ["route", ({ reply }) => reply.reply.route],
  ["intent", ({ reply }) => reply.reply.intent ?? "none"],
  ["answer", ({ reply }) => reply.reply.text],
  ["citations", ({ reply }) => cited(reply).join(", ") || "none"],
  ["tools", ({ tools }) => (tools ?? []).join(", ") || "none"],
  ["model", ({ reply }) => reply.model ?? "none"],
  ["prompt", ({ reply }) => (reply.prompt ? `${reply.prompt.name} ${reply.prompt.version ? `v${reply.prompt.version}` : "edited"}` : "none")],
  ["tokens", ({ reply }) => `${reply.usage.prompt_tokens} + ${reply.usage.completion_tokens}`],
  ["cost", ({ reply }) => dollars(reply.usage.cost_usd)],
  ["time", ({ reply }) => milliseconds(reply.timings_ms.total)],
  ["nodes", ({ before = [], steps }) => [...before, ...steps].map(({ node }) => node).join(" → ")],
  ["held back", ({ withheld, wants_person: person }) => [withheld ? `${withheld} action` : null, person ? "a request for a person" : null].filter(Boolean).join(", ") || "nothing"],
];
const ALWAYS_DIFFERS = new Set(["time", "held back"]);

export class Compare {
  #columns = [];
  #onPick;

  /** `onPick(column)` is told which run's steps are asked for, `onCase(column)` which becomes a case. */
  constructor({ onPick, onCase }) {
    this.#onPick = onPick;
    this.onCase = onCase;
    for (const id of ["diff-a", "diff-b"]) at(id).addEventListener("change", () => this.#diff());
  }

  /** Begins anew beside what was recorded; `kept` are earlier runs of the same turn that stay. */
  begin(turn, { keep = false } = {}) {
    if (!keep) this.#columns = turn.reply ? [{ name: "Recorded", ...turn }] : [];
    this.#draw();
  }

  /** Adds what came of a run. */
  add(run, name) {
    this.#columns.push({ ...run, name });
    this.#draw();
  }

  get runs() {
    return this.#columns.filter(({ name }) => name !== "Recorded").length;
  }

  #draw() {
    at("runs-card").hidden = this.runs === 0;
    const [base] = this.#columns;
    const head = this.#columns.map((column) =>
      h("th", { scope: "col" },
        h("span", {}, column.name),
        h("button", { type: "button", onclick: () => this.#onPick(column) }, "Steps"),
        h("button", { type: "button", onclick: () => this.onCase(column) }, "Save as case"),
      ),
    );
    const rows = ROWS.map(([name, read]) => {
      const cells = this.#columns.map((column) => {
        const differs = column !== base && !ALWAYS_DIFFERS.has(name) && read(column) !== read(base);
        return h("td", { class: differs && "differs", dir: "auto" }, read(column));
      });
      return h("tr", { "data-row": name }, h("th", { scope: "row" }, name), ...cells);
    });
    at("runs").replaceChildren(h("thead", {}, h("tr", {}, h("td", {}), ...head)), h("tbody", {}, ...rows));
    this.#choices();
    this.#diff();
  }

  #choices() {
    for (const [id, usual] of [["diff-a", 0], ["diff-b", 1]]) {
      const chosen = at(id).value || String(usual);
      at(id).replaceChildren(...this.#columns.map(({ name }, index) => h("option", { value: index }, name)));
      at(id).value = Number(chosen) < this.#columns.length ? chosen : String(usual);
    }
  }

  #diff() {
    const [a, b] = ["diff-a", "diff-b"].map((id) => this.#columns[Number(at(id).value)]);
    if (!a || !b) return;
    const tags = { same: "span", gone: "del", new: "ins" };
    const text = words(a.reply.reply.text, b.reply.reply.text).map(({ kind, text: piece }) => h(tags[kind], {}, piece));
    at("diff").replaceChildren(h("p", { class: "text", dir: "auto" }, ...text), h("ul", {}, ...changes(a, b).map((said) => h("li", {}, said))));
  }
}

function cited(reply) {
  return reply.reply.citations.map(({ source_id: id, version }) => `${id} v${version}`);
}

/** What changed from one run to the other, in words. */
function changes(a, b) {
  const [left, right] = [cited(a.reply), cited(b.reply)];
  const gone = left.filter((one) => !right.includes(one));
  const added = right.filter((one) => !left.includes(one));
  const said = [
    a.reply.reply.route === b.reply.reply.route ? `route stays ${a.reply.reply.route}` : `route ${a.reply.reply.route} → ${b.reply.reply.route}`,
    gone.length || added.length ? `citations: ${[...gone.map((one) => `− ${one}`), ...added.map((one) => `+ ${one}`)].join(", ")}` : "the same citations",
    `tokens ${signed(tokens(b) - tokens(a))}`,
  ];
  // A fork ran a part of the turn, so only runs are compared in time.
  if (a.name !== "Recorded" && b.name !== "Recorded") said.push(`time ${signed(Math.round(b.reply.timings_ms.total - a.reply.timings_ms.total))} ms`);
  return said;
}

const tokens = ({ reply }) => reply.usage.prompt_tokens + reply.usage.completion_tokens;
const signed = (number) => (number > 0 ? `+${number}` : String(number));
