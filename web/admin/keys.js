/** Keys: service keys, made, shown once, rotated and revoked; and the sites of the chat. */

import { get, send } from "/playground/api.js";
import { busy } from "/playground/busy.js";
import { h } from "/widget/dom.js";
import { confirmed } from "./confirm.js";
import { copied } from "./copying.js";
import { day } from "./faq-words.js";
import { choice, field, mark } from "./fields.js";
import { sitesCard } from "./sites.js";

const KEYS = "/api/v1/api-keys";
const SOON_DAYS = 14;
const RIGHTS = { relay: "Send customers' messages and get the answers", "faqs.read": "Read and search the published FAQs" };
const ENDS = [["90", "in 90 days"], ["30", "in 30 days"], ["365", "in a year"], ["", "never"]];

export async function openKeys(place) {
  const list = h("ul", { class: "rows", id: "keys" });
  const none = h("p", { class: "card empty", hidden: true }, "No service has a key yet. Make one below for a program that talks to the assistant, such as your shop's own server.");
  const fresh = h("div", { class: "after", "aria-live": "polite" });
  const name = h("input", { maxlength: 128, required: true, autocomplete: "off" });
  const rights = Object.entries(RIGHTS).map(([right, text]) => h("label", { class: "tick" }, h("input", { type: "checkbox", value: right, checked: right === "relay" }), ` ${text}`));
  const ends = choice(ENDS, "90");
  const form = h("form", { class: "card form", novalidate: true },
    h("h3", {}, "Make a key"),
    field("name", "Name", name, "Which service has it."),
    field("rights", "What it may do", h("div", { role: "group", "aria-label": "What it may do", tabindex: -1 }, ...rights)),
    field("expires_in_days", "It ends", ends),
    h("div", { class: "acts" }, h("button", { type: "submit", class: "main" }, "Make the key")),
  );

  async function load() {
    const { api_keys: found } = await get(KEYS);
    list.replaceChildren(...found.map((key) => row(key, { rotate, revoke })));
    none.hidden = found.length > 0;
  }

  function show({ key }, text) {
    fresh.replaceChildren(onlyOnce(key, text));
    fresh.querySelector("input").focus();
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    busy(event.submitter, () => place.told(async () => {
      if (!name.value.trim()) return mark(form, { message: "name: Say which service has it." });
      const ticked = rights.map((label) => label.firstChild).filter(({ checked }) => checked);
      if (!ticked.length) return mark(form, { message: "rights: Choose at least one." });
      mark(form);
      const body = { name: name.value.trim(), rights: ticked.map(({ value }) => value), expires_in_days: ends.value ? Number(ends.value) : null };
      try {
        show(await send("POST", KEYS, body), `The key of ${body.name}`);
      } catch (problem) {
        if (problem.status !== 422 || !mark(form, problem)) throw problem;
        return true;
      }
      name.value = "";
      return load();
    }));
  });

  async function rotate(key) {
    const meant = await confirmed({ title: `Give ${key.name} a new key?`, text: "The new key has the same rights and end. The old one holds for one more day, so that the service can change over.", yes: "Make a new key" });
    if (!meant) return;
    await place.told(async () => {
      show(await send("POST", `${KEYS}/${key.id}/rotate`, {}), `The new key of ${key.name}`);
      await load();
    });
  }

  async function revoke(key) {
    const meant = await confirmed({ title: `Revoke the key of ${key.name}?`, text: "The service is refused within ten seconds. This cannot be taken back.", yes: "Revoke" });
    if (!meant) return;
    await place.told(async () => {
      await send("DELETE", `${KEYS}/${key.id}`);
      place.done(`The key of ${key.name} is revoked.`);
      await load();
    });
  }

  place.guard(() => Boolean(name.value.trim()));
  place.root.replaceChildren(h("p", { class: "lead" }, "A service shows its key with each request. Give each service its own, so that one can be ended alone."), fresh, none, list, form, await sitesCard());
  await load();
}

function row(key, on) {
  const ended = key.revoked_at ? `revoked ${day(key.revoked_at)}` : isOver(key.expires_at) && `ended ${day(key.expires_at)}`;
  const soon = key.expires_at && Date.parse(key.expires_at) - Date.now() < SOON_DAYS * 86_400_000;
  const facts = [
    key.rights.map((right) => RIGHTS[right] ?? right).join(", "),
    key.last_used_at ? `last used ${day(key.last_used_at)}` : "never used",
    ended || (key.expires_at ? `ends ${day(key.expires_at)}` : "no end"),
  ];
  const acts = [h("button", { type: "button", onclick: () => on.rotate(key) }, "Rotate"), h("button", { type: "button", class: "danger", onclick: () => on.revoke(key) }, "Revoke")];
  return h("li", { "data-key": key.id },
    h("strong", {}, key.name),
    h("span", { class: `badge ${ended ? "ended" : soon ? "warn" : "active"}` }, ended ? "ended" : soon ? "ends soon" : "active"),
    h("span", { class: "quiet" }, facts.join(" · ")),
    ended ? "" : h("div", { class: "acts", role: "group", "aria-label": `What to do with ${key.name}` }, ...acts),
  );
}

const isOver = (moment) => moment && Date.parse(moment) <= Date.now();

function onlyOnce(key, title) {
  return h("div", { class: "card next" }, h("h3", {}, title), ...copied(key, title), h("p", { class: "quiet" }, "It is shown only now. Keep it where the service reads its secrets; it goes into the header X-API-Key."));
}
