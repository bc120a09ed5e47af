/** Usage: what models cost, beside the budgets, and the turns of the last days. */

import { get } from "/playground/api.js";
import { bars, lines } from "/review/charts.js";
import { h } from "/widget/dom.js";
import { choice } from "./fields.js";

const SPANS = [["24", "24 hours"], ["168", "7 days"], ["720", "30 days"]];
const BUDGETS = { day: "The budget of the day", month: "The budget of the month" };
const money = (usd) => `$${usd.toFixed(usd !== 0 && usd < 1 ? 4 : 2)}`;

export async function openUsage({ root, told }) {
  const span = choice(SPANS, "168", { id: "usage-span" });
  const shown = h("div", { class: "usage" });
  span.addEventListener("change", () => told(load));

  async function load() {
    const found = await get(`/api/v1/usage?hours=${span.value}`);
    const all = found.hours.filter(({ route }) => route === "all");
    const sum = (name) => all.reduce((total, hour) => total + hour[name], 0);
    shown.replaceChildren(
      ...found.exhausted.map(exhausted),
      h("div", { class: "tiles" },
        spent("Spent today (UTC)", found.day),
        spent("Spent this month (UTC)", found.month),
        tile("Turns", String(sum("turns")), `in ${span.selectedOptions[0].text}`),
        tile("Tokens", (sum("prompt_tokens") + sum("completion_tokens")).toLocaleString(), `${sum("prompt_tokens").toLocaleString()} read, ${sum("completion_tokens").toLocaleString()} written`),
      ),
      found.reserved_usd ? h("p", { class: "quiet" }, `${money(found.reserved_usd)} more are kept for answers that are being written.`) : "",
      perCustomer(found.user_budgets_usd),
      ...(all.length
        ? [
            h("div", { class: "charts" },
              figure("Turns a day", lines(days(all, "turns"))),
              figure("Cost a day, US cents", lines(days(all, "cost_usd").map(([day, usd]) => [day, usd * 100]))),
            ),
            figure("Turns by where their answers came from", bars(byRoute(found.hours))),
          ]
        : [h("p", { class: "card empty" }, "Turns are counted when their hour has ended, and none has been yet in these days. Ask the assistant something, and look again in an hour.")]),
    );
  }

  root.replaceChildren(
    h("div", { class: "head" }, h("label", { for: "usage-span" }, "The last"), span),
    shown,
  );
  await load();
}

function spent(title, { spent_usd: spending, budget_usd: budget }) {
  const told = budget === null ? "no budget" : `of ${money(budget)}`;
  const meter = budget ? h("meter", { min: 0, max: 1, high: 0.8, optimum: 0, value: Math.min(1, spending / budget), "aria-label": `${Math.round((100 * spending) / budget)} % of the budget` }) : "";
  return tile(title, money(spending), told, meter);
}

const tile = (title, figure, told, more = "") => h("div", { class: "tile card" }, h("h3", {}, title), h("p", { class: "figure" }, figure), h("p", { class: "quiet" }, told), more);

const figure = (title, chart) => h("figure", { class: "card" }, h("figcaption", {}, title), h("div", {}, chart));

function exhausted({ budget, at }) {
  const since = new Date(at).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  return h("p", { class: "problem" }, `${BUDGETS[budget] ?? budget} was used up on ${since}: customers then get answers without a model.`);
}

function perCustomer({ day, month }) {
  const parts = [day !== null && `${money(day)} a day`, month !== null && `${money(month)} a month`].filter(Boolean);
  return parts.length ? h("p", { class: "quiet" }, `Each customer may cost ${parts.join(" and ")}.`) : "";
}

/** `[day, sum]` in order. */
function days(hours, name) {
  const found = new Map();
  for (const hour of hours) found.set(hour.hour.slice(0, 10), (found.get(hour.hour.slice(0, 10)) ?? 0) + hour[name]);
  return [...found].sort();
}

function byRoute(hours) {
  const found = {};
  for (const { route, turns } of hours) if (route !== "all") found[route] = (found[route] ?? 0) + turns;
  return Object.entries(found).sort(([, one], [, other]) => other - one);
}
