/** Audit: who did what to what, narrowed, page by page; whether its chain holds, and all of it as a file. */

import { get } from "/playground/api.js";
import { busy } from "/playground/busy.js";
import { h } from "/widget/dom.js";
import { download } from "./files.js";

const AUDIT = "/api/v1/audit";
const PAGE = 50;

export async function openAudit({ root, told, me }) {
  const people = me.role === "admin" ? await mailAddresses() : {};
  const action = h("input", { "aria-label": "What was done", placeholder: "What, such as faqs.deleted", maxlength: 200, list: "actions", autocomplete: "off", spellcheck: "false" });
  const actor = h("input", { "aria-label": "Who did it", placeholder: "Who: an id or address", maxlength: 200, autocomplete: "off", spellcheck: "false" });
  const about = h("input", { "aria-label": "To what", placeholder: "To what: an id", maxlength: 200, autocomplete: "off", spellcheck: "false" });
  const known = h("datalist", { id: "actions" });
  const form = h("form", { class: "filters audit", role: "search" }, action, actor, about, h("div", { class: "acts" }, h("button", { type: "submit", class: "main" }, "Show"), h("button", { type: "reset" }, "All")));
  const list = h("ul", { class: "rows", id: "audit" });
  const none = h("p", { class: "card empty", hidden: true }, "Nothing was noted that is like that. Show all, or look for another id.");
  const more = h("button", { type: "button", hidden: true, onclick: ({ target }) => busy(target, () => told(() => load(true))) }, "More");
  const chain = h("p", { class: "chain", role: "status" });
  let cursor = null;

  async function load(further = false) {
    const query = new URLSearchParams({ limit: PAGE, ...(further && { cursor }) });
    const who = Object.entries(people).find(([, email]) => email === actor.value.trim())?.[0] ?? actor.value.trim();
    for (const [name, value] of Object.entries({ action: action.value.trim(), actor: who, object: about.value.trim() })) if (value) query.set(name, value);
    const page = await get(`${AUDIT}?${query}`);
    if (!further) list.replaceChildren();
    list.append(...page.audit.map((entry) => row(entry, people)));
    cursor = page.next_cursor;
    more.hidden = !cursor;
    none.hidden = list.children.length > 0;
    const seen = new Set([...known.children].map(({ value }) => value));
    known.append(...[...new Set(page.audit.map((entry) => entry.action))].filter((name) => !seen.has(name)).map((name) => new Option(name, name)));
  }

  async function verify() {
    chain.className = "chain";
    chain.textContent = "Looking at every link…";
    const { rows, unsealed, newest_seal: newest, findings } = await get(`${AUDIT}/verify`);
    chain.className = findings.length ? "chain broken" : "chain sound";
    const said = findings.map(({ number, what }) => `${number === null ? "At the end" : `At ${number}`}: ${what}.`);
    const holds = unsealed ? `The chain holds. It is sealed every few minutes; of ${rows + unsealed} entries ${unsealed} wait for it.` : `The chain holds, with all ${rows} entries.`;
    chain.replaceChildren(
      findings.length ? `The chain is broken. ${said.join(" ")} Tell who runs the installation.` : holds,
      newest ? h("small", {}, `Newest seal: ${newest}. Write it down elsewhere, and it shows if the chain is cut later.`) : "",
    );
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    told(() => load());
  });
  form.addEventListener("reset", () => setTimeout(() => told(() => load())));
  root.replaceChildren(
    h("p", { class: "lead" }, "Every privileged act in your shop, the newest first. It names people and things by their ids, and holds nothing that a customer wrote."),
    h("div", { class: "acts top" },
      h("button", { type: "button", onclick: ({ target }) => busy(target, () => told(verify)) }, "Verify the chain"),
      h("button", { type: "button", onclick: ({ target }) => busy(target, () => told(() => download(`${AUDIT}/export`, "audit.jsonl"))) }, "Export all"),
    ),
    chain, form, known, none, list, more,
  );
  await load();
}

function row({ at, actor, action, object, detail }, people) {
  const facts = Object.entries(detail).map(([name, value]) => `${name.replaceAll("_", " ")}: ${Array.isArray(value) ? value.join(", ") : typeof value === "object" ? JSON.stringify(value) : value}`);
  return h("li", {},
    h("strong", {}, action),
    h("time", { class: "quiet", datetime: at }, new Date(at).toLocaleString([], { dateStyle: "medium", timeStyle: "medium" })),
    h("span", { class: "quiet" }, [`by ${people[actor] ?? actor}`, object && `on ${people[object] ?? object}`, ...facts].filter(Boolean).join(" · ")),
  );
}

/** `{id: address}` of those who have an account, so that ids say something. */
async function mailAddresses() {
  const { accounts } = await get("/api/v1/accounts?limit=200");
  return Object.fromEntries(accounts.map(({ id, email }) => [id, email]));
}
