/** Fields of a form: a label, a hint, and a place for what is wrong with what was filled in. */

import { h } from "/widget/dom.js";

/** A control with its label; `data-field` on it is the API's own name, by which `mark` finds it. */
export function field(name, label, control, hint = "") {
  const id = `field-${name.replaceAll(".", "-")}`;
  control.id = id;
  control.dataset.field = name;
  control.setAttribute("aria-describedby", `${id}-hint ${id}-wrong`);
  return h("div", { class: `field of-${control.type ?? "text"}` },
    h("label", { for: id }, label),
    control,
    h("small", { id: `${id}-hint` }, hint),
    h("p", { id: `${id}-wrong`, class: "wrong", role: "alert" }),
  );
}

/** A choice among `[value, text]`. */
export function choice(options, value, attributes = {}) {
  return h("select", attributes, ...options.map(([of, text]) => new Option(text, of, of === value, of === value)));
}

/** Says at its field what a refusal says of it, and takes away what was said before; true if it named one. */
export function mark(form, problem = null) {
  const said = problem ? sentences(problem.message) : [];
  let first = null;
  for (const control of form.querySelectorAll("[data-field]")) {
    const own = said.filter(({ name }) => name === control.dataset.field);
    control.setAttribute("aria-invalid", String(own.length > 0));
    form.querySelector(`#${control.id}-wrong`).textContent = own.map(({ text }) => text).join(" ");
    if (own.length) first ??= control;
  }
  if (!first) return false;
  for (let around = first.closest("details"); around; around = around.parentElement.closest("details")) around.open = true;
  first.focus();
  return true;
}

/** The API says `place: why; place: why`; a place in a list is its list, a message about all of it has none. */
function sentences(message) {
  return message.split(/; (?=[a-z_]+(?:\.\w+)*: )/).map((part) => {
    const [, place, text] = part.match(/^([a-z_]+(?:\.\w+)*): (.*)$/s) ?? [null, "", part];
    const plain = text.replace(/^Value error, /, "");
    const name = place.split(".").filter((step) => !/^\d+$/.test(step)).join(".");
    const named = name === "body" ? (plain.match(/^([a-z_]+) /)?.[1] ?? "") : name;
    return { name: named, text: plain[0].toUpperCase() + plain.slice(1) };
  });
}
