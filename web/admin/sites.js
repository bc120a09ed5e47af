/** Sites: on which pages the chat may stand, and the two lines that put it there. */

import { get } from "/playground/api.js";
import { h } from "/widget/dom.js";
import { copyButton } from "./copying.js";

/** The sites that hold, each with its lines; without any, the lines with a gap and who fills it. */
export async function sitesCard() {
  const { sites } = await get("/api/v1/sites");
  const holding = sites.filter(({ revoked_at: revoked }) => !revoked);
  return h("section", { class: "card form", id: "sites" },
    h("h3", {}, "Put the chat on your page"),
    ...(holding.length ? holding.map(site) : none()),
  );
}

function site({ name, key, origins }) {
  return h("div", {},
    h("p", {}, h("strong", {}, name), ` for pages at ${origins.join(", ")}`),
    ...snippet(key),
  );
}

const none = () => [
  h("p", {}, "No page of yours is known yet. Who runs the installation makes a site for its address (desk site create), and its key then stands here in place of SITE_KEY."),
  ...snippet("SITE_KEY"),
];

function snippet(key) {
  const lines = `<script src=${JSON.stringify(`${location.origin}/widget.js`)} defer></script>\n<deskgraph-chat site="${key}"></deskgraph-chat>`;
  return [h("pre", { tabindex: 0 }, lines), h("div", { class: "acts" }, copyButton(() => lines, "Copy the lines"))];
}
