/** The agents' page: joins the queue, the open conversation and the live events. */

import { follow } from "/widget/live.js";
import * as desk from "./desk.js";
import { Queue } from "./queue.js";
import { Talk } from "./talk.js";

const REFRESH_MS = 2000; // however much happens, the page asks no more often
const at = (id) => document.getElementById(id);
const TITLE = document.title;
let sound = null;
let email = null;
let talk = null;
const queue = new Queue(at("queue"), (id) => choose(id));
const refreshQueue = atMostEvery(REFRESH_MS, loadQueue);
const refreshTalk = atMostEvery(REFRESH_MS, () => talk.refresh());

start();

async function start() {
  try {
    const who = await desk.me();
    email = who.email;
    at("me").textContent = `${who.email}, ${who.role} of ${who.tenant}`;
    talk = new Talk(email, loadQueue);
    const cursor = await loadQueue();
    await listen(cursor);
  } catch (problem) {
    at("live").textContent = "off";
    at("me").textContent = explain(problem);
  }
}

async function loadQueue() {
  const { handoffs, cursor } = await desk.queue();
  queue.show(handoffs, mine, talk.id);
  at("empty").hidden = handoffs.length > 0;
  const waiting = handoffs.filter((entry) => entry.waiting_seconds != null && (entry.state === "queued" || mine(entry)));
  document.title = waiting.length ? `(${waiting.length}) ${TITLE}` : TITLE;
  return cursor;
}

async function listen(cursor) {
  const signal = new AbortController().signal; // as long as the page lives
  for await (const { event, data } of follow(desk.client, `/api/v1/handoffs/events?after=${cursor}`, signal)) {
    if (event === "online" || event === "offline") {
      at("live").textContent = event === "online" ? "live" : "reconnecting";
      if (event === "online") refreshQueue();
      continue;
    }
    if (event === "queued" || event === "sla_due" || (data.role === "user" && mineById(data))) ring();
    refreshQueue();
    if (data.handoff_id === talk.id) refreshTalk();
  }
}

async function choose(id) {
  await talk.open(id);
  await loadQueue();
  talk.offer(await desk.colleagues());
}

const mine = ({ state, agent }) => state === "human" && agent === email;
const mineById = ({ handoff_id: id }) => talk.mine && id === talk.id;

at("sound").addEventListener("click", () => {
  sound = sound ? null : new AudioContext();
  at("sound").setAttribute("aria-pressed", String(Boolean(sound)));
  ring();
});

/** Two short tones, if the agent turned the sound on. */
function ring() {
  for (const [tone, delay] of sound ? [[660, 0], [880, 0.16]] : []) {
    const oscillator = new OscillatorNode(sound, { frequency: tone });
    const gain = new GainNode(sound, { gain: 0.08 });
    oscillator.connect(gain).connect(sound.destination);
    oscillator.start(sound.currentTime + delay);
    oscillator.stop(sound.currentTime + delay + 0.14);
  }
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    queue.focus(talk?.id);
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("textarea, select, input")) return;
  if (event.key === "c" && !at("acts").hidden && !at("claim").hidden) talk.act("claim");
  else if (event.key === "r" && !at("form").hidden) {
    event.preventDefault();
    at("text").focus();
  } else if (event.key.startsWith("Arrow") && event.target === document.body) queue.focus(talk?.id);
});

/** `work` at once, but then not again for `ms`; what is asked meanwhile is done at the end of it. */
function atMostEvery(ms, work) {
  let resting = false;
  let asked = false;
  return function run() {
    asked = true;
    if (resting) return;
    [resting, asked] = [true, false];
    work().catch((problem) => (at("live").textContent = explain(problem)));
    setTimeout(() => {
      resting = false;
      if (asked) run();
    }, ms);
  };
}

function explain({ status, message }) {
  if (status === 401) return "You are not signed in. Open your login link, then come back here.";
  if (status === 403) return "This page is for agents and admins.";
  return message || "The connection was lost.";
}
