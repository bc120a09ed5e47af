/** Draws the agent's attention: two short tones, a desktop notification, and a word for screen readers. */

const at = (id) => document.getElementById(id);
const MUTED = "deskgraph.console.muted";
const PAUSE_MS = 1000; // many who come at once are one sound
const NOTES = { queued: "Somebody waits for a person.", sla_due: "Somebody has waited too long.", message: "There is a new message for you." };

let audio = null; // browsers allow sound only after the agent has clicked or typed once
let muted = remembered();
let quietUntil = 0;

show();
for (const gesture of ["click", "keydown"]) document.addEventListener(gesture, wake);
at("sound").addEventListener("click", async () => {
  muted = !muted;
  remember();
  await wake();
  ring();
});
at("notify").addEventListener("click", async () => {
  await Notification.requestPermission();
  show();
});

/** Says that somebody waits (`queued`), has waited too long (`sla_due`), or wrote to this agent (`message`). */
export function raise(what) {
  at("alarm").textContent = "";
  setTimeout(() => (at("alarm").textContent = NOTES[what])); // the same words twice are read twice
  ring();
  notify(NOTES[what]);
}

async function wake() {
  show();
  audio ??= new AudioContext();
  await audio.resume(); // at once, or when a later click allows it
  show();
}

function ring() {
  if (muted || audio?.state !== "running" || performance.now() < quietUntil) return;
  quietUntil = performance.now() + PAUSE_MS;
  for (const [tone, delay] of [[660, 0], [880, 0.16]]) {
    const oscillator = new OscillatorNode(audio, { frequency: tone });
    const gain = new GainNode(audio, { gain: 0.08 });
    oscillator.connect(gain).connect(audio.destination);
    oscillator.start(audio.currentTime + delay);
    oscillator.stop(audio.currentTime + delay + 0.14);
  }
}

/** For who looks elsewhere. It names nobody: notifications stand on lock screens. */
function notify(body) {
  if (!("Notification" in window) || Notification.permission !== "granted" || document.hasFocus()) return;
  try {
    const note = new Notification(document.title, { body, tag: "deskgraph-console" });
    note.addEventListener("click", () => {
      window.focus();
      note.close();
    });
  } catch {
    // Phones' browsers want a service worker for this; the tones and the title are left.
  }
}

function show() {
  at("sound").setAttribute("aria-pressed", String(!muted));
  at("sound-hint").hidden = muted || audio?.state === "running";
  at("notify").hidden = !("Notification" in window) || Notification.permission !== "default";
}

function remembered() {
  try {
    return localStorage.getItem(MUTED) === "yes";
  } catch {
    return false; // the browser keeps nothing for this page
  }
}

function remember() {
  try {
    localStorage.setItem(MUTED, muted ? "yes" : "no");
  } catch {
    // Then it holds for this visit.
  }
}
