/** Whether single letters act: who speaks to the machine, or whose hand slips, can turn them off (WCAG 2.1.4). */

const OFF = "deskgraph.console.letters-off";
const button = document.getElementById("letters");
let off = remembered();

show();
button.addEventListener("click", () => {
  off = !off;
  show();
  try {
    localStorage.setItem(OFF, off ? "yes" : "no");
  } catch {
    // Then it holds for this visit.
  }
});

export const lettersAct = () => !off;

function show() {
  button.setAttribute("aria-pressed", String(!off));
}

function remembered() {
  try {
    return localStorage.getItem(OFF) === "yes";
  } catch {
    return false; // the browser keeps nothing for this page
  }
}
