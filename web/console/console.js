/** The agents' page: joins the queue, the open conversation and the live events. */

import { follow } from "/widget/live.js";
import { raise } from "./alarm.js";
import * as desk from "./desk.js";
import { lettersAct } from "./letters.js";
import { Queue } from "./queue.js";
import { Talk } from "./talk.js";

const REFRESH_MS = 2000; // however much happens, the page asks no more often
const BUSY_MS = 8000; // and where it never ends, rarer still: an agent may ask a thousand times an hour
const AGAIN_MS = 5000; // after a refusal that names no time
const LINK = /^[0-9a-f-]{36}$/; // a conversation's handoff, as a mail's link names it
const at = (id) => document.getElementById(id);
const TITLE = document.title;
let email = null;
let talk = null;
let own = new Set(); // the handoffs that are with this agent
let heard = "connecting"; // whether the page hears what happens
let trouble = ""; // why the queue on the page is an old one
const queue = new Queue(at("queue"), (id) => choose(id));
const refreshQueue = atMostEvery(REFRESH_MS, BUSY_MS, reloadQueue);
const refreshTalk = atMostEvery(REFRESH_MS, REFRESH_MS, () => talk.refresh());

start();

async function start() {
  try {
    const who = await desk.me();
    email = who.email;
    at("me").textContent = `${who.email}, ${who.role} of ${who.tenant}`;
    at("pages").hidden = who.role !== "admin";
    talk = new Talk(email, reloadQueue);
    const cursor = await loadQueue();
    await openLinked();
    addEventListener("hashchange", openLinked);
    await listen(cursor);
  } catch (problem) {
    if (heard === "connecting") document.body.classList.add("away"); // a sign-in that ends later takes no reply away
    state("off");
    at("me").textContent = explain(problem);
    at("signin").hidden = ![401, 403].includes(problem.status);
    at("signin").textContent = problem.status === 403 ? "Sign in as somebody else" : "Sign in";
  }
}

async function loadQueue() {
  const { handoffs, cursor } = await desk.queue();
  own = new Set(handoffs.filter(mine).map(({ id }) => id));
  queue.show(handoffs, mine, talk.id);
  at("empty").hidden = handoffs.length > 0;
  const waiting = handoffs.filter((entry) => entry.waiting_seconds != null && (entry.state === "queued" || mine(entry)));
  document.title = waiting.length ? `(${waiting.length}) ${TITLE}` : TITLE;
  say("waiting", waiting.length ? `${waiting.length} waiting` : "");
  return cursor;
}

/** The queue once more; what goes wrong is said at the top, and tried again. */
async function reloadQueue() {
  try {
    await loadQueue();
    trouble = "";
  } catch (problem) {
    trouble = explain(problem);
    if (![401, 403].includes(problem.status)) setTimeout(refreshQueue, problem.retryAfter * 1000 || AGAIN_MS);
  }
  state(heard);
}

/** Opens the conversation that the address names: a mail's link, or what was open before a reload. */
async function openLinked() {
  const id = location.hash.slice(1);
  if (LINK.test(id) && id !== talk.id) await choose(id);
}

async function listen(cursor) {
  const signal = new AbortController().signal; // as long as the page lives
  for await (const { event, data } of follow(desk.client, `/api/v1/handoffs/events?after=${cursor}`, signal)) {
    if (event === "online" || event === "offline") {
      state(event === "online" ? "live" : "reconnecting");
      if (event === "online") refreshQueue();
      continue;
    }
    if (event === "queued" || event === "sla_due" || (data.role === "user" && own.has(data.handoff_id))) raise(event);
    refreshQueue();
    if (data.handoff_id === talk.id) refreshTalk();
  }
}

async function choose(id) {
  history.replaceState(null, "", `#${id}`);
  queue.pick(id);
  await talk.open(id);
  await reloadQueue();
}

const mine = ({ state, agent }) => state === "human" && agent === email;

/** Says whether the page hears what happens, `live`, and whether what it shows is new; or why not. */
function state(text) {
  heard = text;
  say("live", trouble || heard);
  at("live").classList.toggle("off", at("live").textContent !== "live");
}

/** Changes a text only if it is another one, as screen readers read each change. */
function say(id, text) {
  if (at(id).textContent !== text) at(id).textContent = text;
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    queue.focus(talk?.id);
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("textarea, select, input")) return;
  if (event.key.startsWith("Arrow") && event.target === document.body) queue.focus(talk?.id);
  if (!lettersAct()) return;
  if (event.key === "c" && !at("acts").hidden && !at("claim").hidden) talk.act("claim");
  else if (event.key === "r" && !at("form").hidden) {
    event.preventDefault();
    at("text").focus();
  }
});

/** `work` at once, but then not again for `ms`, and up to `longest` while more is asked; that is done at its end. */
function atMostEvery(ms, longest, work) {
  let resting = false;
  let asked = false;
  let pause = ms;
  return function run() {
    asked = true;
    if (resting) return;
    [resting, asked] = [true, false];
    work();
    setTimeout(() => {
      resting = false;
      pause = asked ? Math.min(2 * pause, longest) : ms;
      if (asked) run();
    }, pause);
  };
}

function explain({ status, message }) {
  if (status === 401) return "You are not signed in.";
  if (status === 403) return "This page is for agents and admins.";
  return message || "The connection was lost.";
}
