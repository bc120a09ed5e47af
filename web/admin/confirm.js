/** Asks before something that cannot be taken back; the browser's own dialog keeps the focus and hears Escape. */

const at = (id) => document.getElementById(id);

/** Promises whether it is meant; with `word` that must be typed first. */
export function confirmed({ title, text, yes, word = "" }) {
  const [dialog, input] = [at("confirm"), at("confirm-word")];
  at("confirm-title").textContent = title;
  at("confirm-text").textContent = text;
  at("confirm-yes").textContent = yes;
  at("confirm-typed").hidden = !word;
  dialog.querySelector("label").textContent = `Type “${word}” to go on`;
  input.value = "";
  const fit = () => (at("confirm-yes").disabled = Boolean(word) && input.value.trim() !== word);
  input.oninput = fit;
  fit();
  dialog.returnValue = "";
  dialog.showModal();
  (word ? input : at("confirm-no")).focus();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}
