/** Privacy: what is kept of a person is handed to them or erased, and how long everything is kept. */

import { get, send } from "/playground/api.js";
import { busy } from "/playground/busy.js";
import { h } from "/widget/dom.js";
import { confirmed } from "./confirm.js";
import { field, mark } from "./fields.js";
import { download } from "./files.js";

const PRIVACY = "/api/v1/privacy";
const LOOK_MS = 2000; // how often an erasure is asked about
const LOOKS = 60;
const KEPT = [["conversations", "Conversations, from their last message"], ["messages", "Single turns of conversations that go on"], ["steps", "What each step of a turn changed"], ["events", "The log of handoffs"], ["feedback", "Ratings"], ["dead_letters", "Turns that nobody could answer"], ["audit", "The audit"]];

export async function openPrivacy(place) {
  const user = h("input", { maxlength: 320, required: true, autocomplete: "off", spellcheck: "false" });
  const issuer = h("input", { maxlength: 320, autocomplete: "off", spellcheck: "false" });
  const result = h("div", { class: "after", "aria-live": "polite" });
  const form = h("form", { class: "card form", novalidate: true },
    h("h3", {}, "A person's request"),
    field("user", "Who", user, "Their e-mail address, or the name by which your identity provider calls them."),
    h("details", {}, h("summary", {}, "They sign in with an identity provider"), field("issuer", "Its address", issuer, "The issuer in their tokens. Empty is this service's own accounts.")),
    h("div", { class: "acts" }, h("button", { type: "submit", class: "main" }, "Find")),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    busy(event.submitter, () => place.told(async () => {
      result.replaceChildren();
      const name = user.value.trim();
      if (!name) return mark(form, { message: "user: Write their address." });
      mark(form);
      try {
        const { subject_id: id } = await send("POST", `${PRIVACY}/subjects/find`, { user: name, issuer: issuer.value.trim() || null });
        result.replaceChildren(person(place, name, id));
      } catch (problem) {
        if (problem.status === 404) mark(form, { message: "user: Nobody of this name has written here, or all of theirs is erased. Look at the spelling." });
        else if (problem.status !== 422 || !mark(form, problem)) throw problem;
      }
    }));
  });
  const { settings, defaults } = await get("/api/v1/settings");
  place.root.replaceChildren(
    h("p", { class: "lead" }, "When a person asks what you keep of them, or wants it erased: find them, hand them the file, or erase them. Each look is in the audit."),
    form, result, retention(settings, defaults),
  );
}

/** What can be done for one person. */
function person(place, name, id) {
  const state = h("p", { role: "status" });
  const take = (format) => h("button", { type: "button", onclick: ({ target }) => busy(target, () => place.told(() => download(`${PRIVACY}/subjects/${id}/export?format=${format}`, `export.${format}`))) }, format === "html" ? "Export to read" : "Export for machines (JSON)");
  const erase = h("button", { type: "button", class: "danger" }, "Erase…");
  erase.addEventListener("click", async () => {
    const meant = await confirmed({ title: "Erase this person?", text: `All that is kept of ${name} is deleted: conversations, messages, ratings, consents. Their account goes too. This cannot be undone; export it first if they asked for it.`, yes: "Erase", word: "erase" });
    if (!meant) return;
    await place.told(async () => {
      const erasure = await send("POST", `${PRIVACY}/subjects/${id}/erase`, { confirm: "erase" });
      for (const button of acts.querySelectorAll("button")) button.disabled = true;
      state.textContent = "Their key is destroyed; the rest is being deleted, which takes up to a minute.";
      await follow(erasure, state);
    });
  });
  const acts = h("div", { class: "acts" }, take("html"), take("json"), erase);
  return h("div", { class: "card next", id: "person" }, h("h3", {}, name), h("p", { class: "quiet" }, `Known here as ${id}`), acts, state);
}

/** Says when it is done, as long as somebody looks. */
async function follow({ id, state: now }, told) {
  for (let looks = 0; now !== "done" && looks < LOOKS && told.isConnected; looks += 1) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    now = (await get(`${PRIVACY}/erasures/${id}`)).state;
  }
  told.textContent = now === "done" ? `Erased. Tell them so; the number of the erasure is ${id}.` : `It takes longer than usual. Is a worker running? The number of the erasure is ${id}.`;
}

function retention(settings, defaults) {
  const days = { conversations: settings.retention_days ?? defaults.retention_days, ...defaults.retention, ...settings.retention };
  const otherwise = (name) => (name === "audit" ? "for ever" : "as long as their conversation");
  const rows = KEPT.map(([name, text]) => h("tr", {}, h("th", { scope: "row" }, text), h("td", {}, days[name] === null ? otherwise(name) : `${days[name]} days`)));
  return h("section", { class: "card form" },
    h("h3", {}, "How long things are kept"),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "How long things are kept" }, h("table", {}, h("tbody", {}, ...rows))),
    h("p", { class: "quiet" }, "Who runs the installation sets this. What people agreed to is in their export."),
  );
}
