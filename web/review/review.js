/** The review page: outcomes with their charts, and turns to be labelled or made into something. */

import { client, get, send, tell } from "/playground/api.js";
import { busy } from "/playground/busy.js";
import { h } from "/widget/dom.js";
import { bars, lines, share } from "./charts.js";
import { gapCard } from "./gap.js";
import { card } from "./turn.js";

const at = (id) => document.getElementById(id);
let cursor = null;
let gapCursor = null;
let begun = false; // whoever may not look sees no empty charts; a sign-in that ends later takes nothing away

at("days").addEventListener("change", outcomes);
at("wanted").addEventListener("change", () => list());
at("more").addEventListener("click", ({ target }) => busy(target, () => list(true)));
at("gap-state").addEventListener("change", () => gaps());
at("more-gaps").addEventListener("click", ({ target }) => busy(target, () => gaps(true)));
await Promise.all([outcomes(), gaps(), list()]);

async function outcomes() {
  await told(async () => {
    const span = at("days").value;
    const found = await get(`/api/v1/analytics/dashboard?days=${span}`);
    if (span !== at("days").value) return; // another was chosen meanwhile, here and below
    const { conversations, answers } = found;
    at("tiles").replaceChildren(
      tile("Assistant involved", conversations.involved, "conversations"),
      tile("Answered without a person", conversations.answered_without_person, "involved conversations"),
      tile("Reopened within 7 days", conversations.reopened_within_7_days, "answered conversations", conversations.not_known_yet && `${conversations.not_known_yet} not known yet`),
      tile("Fallback rate", answers.fallback, "answers"),
      tile("Rated down", answers.rated_down, "ratings", answers.rated && `${answers.rated.n} of ${answers.rated.of} turns were rated`),
    );
    const days = found.by_day;
    at("chart-turns").replaceChildren(lines(days.map(({ day, turns }) => [day, turns])));
    at("chart-fallback").replaceChildren(lines(days.map(({ day, fallback }) => [day, fallback ? fallback.n / fallback.of : null]), { percent: true }));
    at("chart-routes").replaceChildren(bars(Object.entries(found.by_route)));
    const ends = [
      ["answered without a person", conversations.answered_without_person?.n ?? 0],
      ["a person was asked for", conversations.asked_for_person?.n ?? 0],
      ["given up", conversations.given_up?.n ?? 0],
      ["no reply", conversations.total - (conversations.involved?.n ?? 0)],
    ];
    at("chart-ends").replaceChildren(bars(ends));
    prompts(found.by_prompt ?? []);
  });
}

function prompts(rows) {
  at("by-prompt").hidden = rows.length === 0;
  const head = ["Prompt", "Label", "Answers", "Fallback", "Asked for a person", "Rated down", "Cost"].map((name) => h("th", { scope: "col" }, name));
  const body = rows.map((row) =>
    h("tr", {},
      h("th", { scope: "row" }, `${row.name} v${row.version}`),
      ...[row.label ?? "none", row.answers, said(row.fallback), said(row.asked_for_person), said(row.rated_down), `$${row.cost_usd.toFixed(4)}`].map((value) => h("td", {}, String(value))),
    ),
  );
  at("prompts").replaceChildren(h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...body));
}

function said(part) {
  return part ? `${share(part)} (${part.n} of ${part.of})` : "none yet";
}

function tile(title, part, of, more) {
  return h("div", { class: "tile card" },
    h("h3", {}, title),
    h("p", { class: "figure" }, part ? share(part) : "–"),
    h("p", { class: "quiet" }, part ? `${part.n} of ${part.of} ${of}` : `no ${of} yet`),
    more ? h("p", { class: "quiet" }, more) : "",
  );
}

async function list(more = false) {
  await told(async () => {
    const wanted = at("wanted").value;
    const query = new URLSearchParams({ wanted, limit: 30, ...(more && cursor && { cursor }) });
    const page = await get(`/api/v1/reviews?${query}`);
    if (wanted !== at("wanted").value) return;
    const cards = page.turns.map((turn) => card(turn, { review, publish }));
    if (more) at("turns").append(...cards);
    else at("turns").replaceChildren(...cards);
    cursor = page.next_cursor;
    at("more").hidden = !cursor;
    at("none").hidden = at("turns").children.length > 0;
  });
}

async function gaps(more = false) {
  await told(async () => {
    const state = at("gap-state").value;
    const query = new URLSearchParams({ state, ...(more && gapCursor && { cursor: gapCursor }) });
    const page = await get(`/api/v1/faqs/gaps?${query}`);
    if (state !== at("gap-state").value) return;
    const cards = page.gaps.map((gap) => gapCard(gap, { draft, dismiss }));
    if (more) at("gaps").append(...cards);
    else at("gaps").replaceChildren(...cards);
    gapCursor = page.next_cursor;
    at("more-gaps").hidden = !gapCursor;
    at("no-gaps").hidden = at("gaps").children.length > 0;
    at("rare").hidden = page.rare === 0;
    at("rare").textContent = `Questions that too few people asked to be shown: ${page.rare}`;
  });
}

/** Begins a FAQ for a gap; what was begun, or undefined. */
async function draft(gap) {
  let begun;
  await told(async () => {
    begun = await send("POST", `/api/v1/faqs/gaps/${gap.id}/draft`);
  });
  return begun;
}

/** Dismisses a gap; true if it was kept. */
function dismiss(gap) {
  return told(() => client.request(`/api/v1/faqs/gaps/${gap.id}/dismiss`, { method: "POST" }));
}

/** Labels a turn; true if it was kept. */
function review(turn, body) {
  return told(() => client.request(`/api/v1/reviews/${turn.id}`, { method: "PUT", body }));
}

/** Adds a FAQ that a turn wanted; true if it was kept. */
function publish(faq) {
  return told(() => client.request("/api/v1/faqs", { method: "POST", body: faq }));
}

async function told(work) {
  try {
    await work();
    begun = true;
    at("problem").hidden = true;
    return true;
  } catch (problem) {
    tell(at("problem"), problem);
    if (!begun && [401, 403].includes(problem.status)) for (const section of document.querySelectorAll("main > section")) section.hidden = true;
    return false;
  }
}
