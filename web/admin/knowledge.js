/** Knowledge: the list of FAQs with its filters; writing one and importing many are places of their own. */

import { get } from "/playground/api.js";
import { h } from "/widget/dom.js";
import { openFaq } from "./faq.js";
import { openImport } from "./faq-import.js";
import { addressOf, cited, day, STATES } from "./faq-words.js";
import { choice } from "./fields.js";
import { download } from "./files.js";

const PAUSE_MS = 250; // of typing, until the list follows

/** Opens the list, or what `rest` of the address names: `new`, `import`, or a FAQ's id after `faq/`. */
export async function openKnowledge(place, rest) {
  if (rest === "import") return openImport(place);
  if (rest === "new") return openFaq(place, null);
  if (rest.startsWith("faq/")) return openFaq(place, rest.slice("faq/".length));
  return openList(place);
}

async function openList({ root, told }) {
  const { categories } = await get("/api/v1/faqs/categories");
  const total = categories.reduce((sum, { faqs }) => sum + faqs, 0);
  const search = h("input", { type: "search", "aria-label": "Search the FAQs", placeholder: "Search question, answer and wordings", maxlength: 200 });
  const state = choice([["", "Every state"], ...Object.entries(STATES)], "", { "aria-label": "State" });
  const named = categories.filter(({ name }) => name);
  const category = choice([["", "Every category"], ...named.map(({ name, faqs }) => [name, `${name} (${faqs})`])], "", { "aria-label": "Category" });
  const list = h("ul", { class: "rows", id: "faqs" });
  const count = h("p", { class: "quiet", role: "status" });
  const none = h("div", { class: "card empty", hidden: true });
  const more = h("button", { type: "button", hidden: true, onclick: () => load(true) }, "More");
  let cursor = null;
  let asked = 0;

  async function load(further = false) {
    const query = new URLSearchParams({ limit: 50, ...(further && { cursor }) });
    for (const [name, control] of Object.entries({ q: search, state, category })) if (control.value.trim()) query.set(name, control.value.trim());
    const own = (asked += 1);
    await told(async () => {
      const page = await get(`/api/v1/faqs?${query}`);
      if (own !== asked) return; // something else was asked meanwhile
      if (!further) list.replaceChildren();
      list.append(...page.faqs.map(row));
      cursor = page.next_cursor;
      more.hidden = !cursor;
      const narrowed = search.value.trim() || state.value || category.value;
      const shown = list.children.length;
      count.textContent = narrowed ? `${shown}${cursor ? " and more" : ""} found` : `${shown} of ${total}`;
      count.hidden = !shown;
      none.hidden = list.children.length > 0;
      none.replaceChildren(...(narrowed ? nothingFound(clear) : nothingYet()));
    });
  }

  function clear() {
    for (const control of [search, state, category]) control.value = "";
    search.focus();
    load();
  }

  let timer = null;
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(load, PAUSE_MS);
  });
  for (const control of [state, category]) control.addEventListener("change", () => load());
  root.replaceChildren(
    h("p", { class: "lead" }, "The assistant answers from these, word for word and with the source. Drafts are yours alone."),
    h("div", { class: "acts top" },
      h("a", { class: "button main", href: "#knowledge/new" }, "New FAQ"),
      h("a", { class: "button", href: "#knowledge/import" }, "Import a file"),
      h("button", { type: "button", onclick: () => told(() => download("/api/v1/faqs/export", "faqs.jsonl")) }, "Export all"),
    ),
    h("div", { class: "filters", role: "search" }, search, state, category),
    count, none, list, more,
  );
  await load();
}

function row({ id, question, answer, category, state, hits, updated_at: updated }) {
  const told = answer ? h("span", { class: `badge ${state}` }, STATES[state]) : h("span", { class: "badge warn" }, "no answer yet");
  return h("li", {},
    h("a", { href: addressOf(id), dir: "auto" }, question),
    told,
    h("span", { class: "quiet" }, [category ?? "no category", cited(hits), `changed ${day(updated)}`].join(" · ")),
  );
}

const nothingFound = (clear) => [
  h("p", {}, "No FAQ is like that."),
  h("div", { class: "acts" }, h("button", { type: "button", onclick: clear }, "Show all")),
];

const nothingYet = () => [
  h("h3", {}, "The assistant knows nothing yet"),
  h("p", {}, "Write the first FAQ: a question as your customers ask it, and its answer. Or import a file that you have."),
  h("div", { class: "acts" }, h("a", { class: "button main", href: "#knowledge/new" }, "Write the first FAQ")),
];
