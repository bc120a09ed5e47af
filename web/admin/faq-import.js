/** Many FAQs at once, from a file; what is bad in it is told by its line, and the rest is taken. */

import { send } from "/playground/api.js";
import { busy } from "/playground/busy.js";
import { h } from "/widget/dom.js";
import { field, mark } from "./fields.js";
import { partsOf } from "./faq-parts.js";

const FORMS = { jsonl: "jsonl", ndjson: "jsonl", csv: "csv", md: "md", markdown: "md", html: "html", htm: "html" };
const EXAMPLE = "question,answer,category\nDo you ship abroad?,\"Yes, to all of Europe.\",Shipping";

/** Opens the place where a file is chosen; `place` is the page around it. */
export async function openImport({ root, told, title, done }) {
  title("Import FAQs");
  const file = h("input", { type: "file", accept: ".csv,.jsonl,.ndjson,.md,.markdown,.html,.htm", required: true });
  const button = h("button", { type: "submit", class: "main" }, "Import");
  const progress = h("progress", { max: 1, value: 0, hidden: true, "aria-label": "Parts of the file" });
  const result = h("div", { "aria-live": "polite" });
  const form = h("form", { class: "card form", novalidate: true },
    field("file", "File", file, "CSV, JSON lines, Markdown or HTML. FAQs with an id or a question that is there already are replaced."),
    h("div", { class: "acts" }, button),
    progress,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    done("");
    busy(button, () => told(() => take()));
  });
  root.replaceChildren(
    h("p", {}, h("a", { href: "#knowledge" }, "← All FAQs")), form, result,
    h("details", { class: "quiet" },
      h("summary", {}, "What the file looks like"),
      h("p", {}, "A CSV names its columns in the first line: question and answer, and if you like id, category, language, aliases (with | between them), draft, publish_at, expires_at. JSON lines have the same names. In Markdown and HTML a heading is the question, and the text below it the answer."),
      h("pre", { tabindex: 0 }, EXAMPLE),
    ),
  );

  async function take() {
    result.replaceChildren();
    const chosen = file.files[0];
    const kind = FORMS[chosen?.name.split(".").at(-1).toLowerCase()];
    if (!chosen) return mark(form, { message: "file: Choose a file first." });
    if (!kind) return mark(form, { message: "file: Its name must end in .csv, .jsonl, .md or .html." });
    const text = (await chosen.text()).replace(/^\uFEFF/, "");
    const parts = partsOf(kind, text);
    if (!parts) return mark(form, { message: "file: One entry of it, or a whole page of HTML, is larger than the 60 KB that go at once. Split it, or ask your operator to load it by command." });
    if (!parts.length) return mark(form, { message: "file: It is empty." });
    mark(form);
    const sum = { added: 0, changed: 0, unchanged: 0, unanswered: 0, bad: [] };
    progress.hidden = parts.length === 1;
    try {
      for (const [index, { content, before }] of parts.entries()) {
        const taken = await send("POST", "/api/v1/faqs/import", { format: kind, content });
        for (const name of ["added", "changed", "unchanged", "unanswered"]) sum[name] += taken[name];
        sum.bad.push(...taken.bad.map(({ line, why }) => ({ line: line + before, why })));
        progress.value = (index + 1) / parts.length;
      }
    } catch (problem) {
      if (problem.status !== 422) throw problem;
      mark(form, { message: `file: ${problem.message}` });
    } finally {
      progress.hidden = true;
      if (sum.added + sum.changed + sum.unchanged + sum.bad.length) result.replaceChildren(report(sum));
    }
    return true;
  }
}

function report({ added, changed, unchanged, unanswered, bad }) {
  const silent = unanswered === 1 ? "One of them has no answer: no customer gets it" : `${unanswered} of them have no answer: no customer gets them`;
  const rows = bad.map(({ line, why }) => h("tr", {}, h("td", {}, String(line)), h("td", {}, why)));
  return h("div", { class: "card", id: "imported" },
    h("h3", {}, `${added} added, ${changed} changed, ${unchanged} as they were`),
    unanswered ? h("p", { class: "wrong" }, `${silent} until it is written.`) : "",
    ...(bad.length
      ? [
          h("p", { class: "wrong" }, bad.length === 1 ? "One entry was left out. Mend it in your file and import it again:" : `${bad.length} entries were left out. Mend them in your file and import it again:`),
          h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "What was left out" }, h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Line"), h("th", { scope: "col" }, "Why"))), h("tbody", {}, ...rows))),
        ]
      : []),
    h("div", { class: "acts" }, h("a", { class: "button", href: "#knowledge" }, "See the list")),
  );
}
