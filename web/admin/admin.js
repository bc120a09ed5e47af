/** The admin page: who is signed in, what they may do, and the area of it that is open. */

import { get, tell } from "/playground/api.js";
import { h } from "/widget/dom.js";
import { openAudit } from "./audit.js";
import { confirmed } from "./confirm.js";
import { openKeys } from "./keys.js";
import { openKnowledge } from "./knowledge.js";
import { openPrivacy } from "./privacy.js";
import { openSettings } from "./settings.js";
import { openUsage } from "./usage.js";

/** What there is, in the order of the navigation, and for whom. */
const AREAS = [
  { name: "knowledge", title: "Knowledge", roles: ["admin"], open: openKnowledge },
  { name: "settings", title: "Settings", roles: ["admin", "platform"], open: openSettings },
  { name: "keys", title: "Keys", roles: ["admin"], open: openKeys },
  { name: "usage", title: "Usage", roles: ["admin"], open: openUsage },
  { name: "privacy", title: "Privacy", roles: ["admin"], open: openPrivacy },
  { name: "audit", title: "Audit", roles: ["admin", "platform"], open: openAudit },
];
const HOME = document.title;
const at = (id) => document.getElementById(id);
let me = null;
let shown = null; // the part of the address after # that is open
let changed = () => false;

start();

async function start() {
  try {
    me = await get("/api/v1/me");
  } catch (problem) {
    at("area-title").textContent = problem.status === 401 ? "Not signed in" : "This page could not be opened";
    if (problem.status !== 401) at("content").replaceChildren(h("button", { type: "button", onclick: () => location.reload() }, "Try again"));
    tell(at("problem"), problem);
    return;
  }
  at("me").textContent = `${me.email ?? "Somebody"}, ${me.role} of ${me.tenant}`;
  const areas = AREAS.filter(({ roles }) => roles.includes(me.role));
  if (!areas.length) {
    at("area-title").textContent = "Nothing here for you";
    at("content").replaceChildren(h("p", {}, `This page is for admins of the shop, and you are signed in as ${me.role}. `, h("a", { href: "/signin?page=/admin" }, "Sign in as somebody else")));
    return;
  }
  at("areas").replaceChildren(...areas.map(({ name, title }) => h("a", { href: `#${name}`, "data-area": name }, title)));
  addEventListener("hashchange", () => show(areas));
  addEventListener("beforeunload", (event) => changed() && event.preventDefault());
  await show(areas);
}

/** Opens what the address names; what was filled in and not kept is not thrown away unasked. */
async function show(areas) {
  const wanted = location.hash.slice(1);
  if (wanted === shown) return;
  if (changed() && !(await confirmed({ title: "Leave without saving?", text: "What you changed here is not kept.", yes: "Leave" }))) {
    history.replaceState(null, "", `#${shown}`);
    return;
  }
  const [name, ...rest] = wanted.split("/");
  const area = areas.find((one) => one.name === name) ?? areas[0];
  const first = shown === null;
  shown = wanted;
  changed = () => false;
  for (const link of at("areas").children) {
    if (link.dataset.area === area.name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  at("chat").hidden = area.name !== "knowledge"; // where there is something to try out
  at("done").textContent = "";
  at("problem").hidden = true;
  const root = h("div", {});
  at("content").replaceChildren(root);
  const place = { me, root, told, title, moved, guard: (dirty) => (changed = dirty), done: (text) => (at("done").textContent = text) };
  title(area.title);
  await told(() => area.open(place, decodeURIComponent(rest.join("/"))));
  if (!first) at("area-title").focus();
}

/** Names what is open, for eyes, ears and the browser's tab. */
function title(text) {
  at("area-title").textContent = text;
  document.title = `${text} · ${HOME}`;
}

/** The address of what is open became another one, without opening it anew. */
function moved(to) {
  shown = to;
  history.replaceState(null, "", `#${to}`);
}

/** Does `work` and says what went wrong, if anything; true if nothing did. */
async function told(work) {
  try {
    await work();
    at("problem").hidden = true;
    return true;
  } catch (problem) {
    if (!("status" in problem)) throw problem;
    tell(at("problem"), problem);
    if (problem.status === 401 && changed()) keepForm();
    at("problem").scrollIntoView({ block: "nearest" });
    return false;
  }
}

/** Signing in happens beside a form that is not kept yet. */
function keepForm() {
  Object.assign(at("problem").querySelector("a"), { target: "_blank", rel: "noopener" });
  at("problem").append(" in a new tab, then come back and save again: what you wrote is still here.");
}
