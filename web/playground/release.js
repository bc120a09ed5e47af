/** Where the labels of prompt and intents stand: a version or the edited text is promoted, a label is rolled back. */

import { h } from "/widget/dom.js";
import { explain, get, send } from "./api.js";
import { busy } from "./busy.js";

const at = (id) => document.getElementById(id);
const EDITED = "edited";

export class Release {
  #tuning;
  #turn = null;

  /** `tuning()` promises the texts that are being edited, as `prompt` and `intents`. */
  constructor(tuning) {
    this.#tuning = tuning;
    at("release").addEventListener("submit", (event) => {
      event.preventDefault();
      busy(event.submitter, () => this.#told(() => this.#promote()));
    });
    at("release-of").addEventListener("change", () => this.#told(() => this.#draw()));
    at("release-label").addEventListener("change", () => (at("release-share").disabled = at("release-label").value === "production"));
  }

  /** Shows the labels of the prompt that a turn had, or of its intents. */
  async show(turn) {
    this.#turn = turn;
    await this.#told(() => this.#draw());
  }

  get #name() {
    return this.#turn[at("release-of").value].name;
  }

  async #draw() {
    const { prompts } = await get("/api/v1/prompts");
    const found = prompts.find(({ name }) => name === this.#name);
    at("release-card").hidden = !found;
    if (!found) return;
    const chosen = at("release-version").value || EDITED;
    const versions = found.versions.map(({ version }) => h("option", { value: version }, `v${version}`)).reverse();
    at("release-version").replaceChildren(h("option", { value: EDITED }, "the edited text"), ...versions);
    at("release-version").value = [...at("release-version").options].some(({ value }) => value === chosen) ? chosen : EDITED;
    const standing = found.labels.filter(({ version }) => version != null);
    const rows = standing.map((row) =>
      h("tr", { "data-label": row.label },
        h("th", { scope: "row" }, row.label),
        h("td", {}, `${this.#name} v${row.version}`),
        h("td", {}, row.label === "production" ? "the rest" : `${Math.round(100 * row.share)} %`),
        h("td", {}, row.channel || "every channel"),
        h("td", {}, row.note),
        h("td", {}, h("button", { type: "button", class: "small", onclick: ({ target }) => busy(target, () => this.#told(() => this.#rollBack(row))) }, "Roll back")),
      ),
    );
    const head = ["label", "version", "share", "channel", "note", ""].map((name) => h("th", { scope: "col" }, name));
    at("labels").replaceChildren(...(rows.length ? [h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...rows)] : []));
    at("unlabelled").hidden = rows.length > 0;
  }

  async #promote() {
    const version = await this.#version();
    const label = at("release-label").value;
    const share = label === "production" ? 0 : Number(at("release-share").value) / 100;
    await send("POST", `/api/v1/prompts/${this.#name}/labels`, { label, version, share, note: at("release-note").value.trim() });
    await this.#draw();
    return `${label} stands on v${version}.`;
  }

  /** The chosen version's number; the edited text becomes one first. */
  async #version() {
    if (at("release-version").value !== EDITED) return Number(at("release-version").value);
    const text = (await this.#tuning())[at("release-of").value];
    if (!text) throw { message: "The text was not edited. Change it above, or choose a version." };
    const written = await send("POST", `/api/v1/prompts/${this.#name}/versions`, { text, notes: at("release-note").value.trim() });
    return written.version;
  }

  async #rollBack({ label, channel }) {
    const back = await send("POST", `/api/v1/prompts/${this.#name}/rollback`, { label, channel, note: at("release-note").value.trim() });
    await this.#draw();
    return back.version == null ? `${label} stands nowhere any more.` : `${label} stands on v${back.version} again.`;
  }

  async #told(work) {
    try {
      at("release-state").textContent = (await work()) ?? "";
      at("release-state").className = "done";
    } catch (problem) {
      at("release-state").textContent = explain(problem);
      at("release-state").className = "failed";
    }
  }
}
