/** Takes a text out of the page, into the clipboard. */

import { h } from "/widget/dom.js";

/** A text that is selected by a click, with a button that copies it. */
export function copied(text, label) {
  const field = h("input", { readonly: true, value: text, "aria-label": label, class: "secret" });
  field.addEventListener("focus", () => field.select());
  return [h("div", { class: "copy" }, field, h("div", { class: "acts" }, copyButton(() => text, "Copy", field)))];
}

/** Copies, or where the browser does not let a page do that, says how. */
export function copyButton(text, label, field) {
  const button = h("button", { type: "button" }, label);
  const said = h("span", { class: "state", role: "status" });
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text());
      said.textContent = "Copied.";
    } catch {
      field?.select();
      said.textContent = "Select it and copy it by hand.";
    }
  });
  const both = document.createDocumentFragment();
  both.append(button, said);
  return both;
}
