/** The agents' page: joins the queue, the open conversation and the live events. */

import { follow } from "/widget/live.js";
import { raise } from "./alarm.js";
import * as desk from "./desk.js";
import { Queue } from "./queue.js";
import { Talk } from "./talk.js";

const REFRESH_MS = 2000; // however much happens, the page asks no more often
const at = (id) => document.getElementById(id);
const TITLE = document.title;
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
    at("pages").hidden = who.role !== "admin";
    talk = new Talk(email, loadQueue);
    const cursor = await loadQueue();
    await openLinked();
    await listen(cursor);
  } catch (problem) {
    state("off");
    at("me").textContent = explain(problem);
    at("signin").hidden = problem.status !== 401;
  }
}

async function loadQueue() {
  const { handoffs, cursor } = await desk.queue();
  queue.show(handoffs, mine, talk.id);
  at("empty").hidden = handoffs.length > 0;
  const waiting = handoffs.filter((entry) => entry.waiting_seconds != null && (entry.state === "queued" || mine(entry)));
  document.title = waiting.length ? `(${waiting.length}) ${TITLE}` : TITLE;
  say("waiting", waiting.length ? `${waiting.length} waiting` : "");
  return cursor;
}

/** Opens the conversation that a mail's link names. */
async function openLinked() {
  const id = location.hash.slice(1);
  if (/^[0-9a-f-]{36}$/.test(id)) await choose(id);
}

async function listen(cursor) {
  const signal = new AbortController().signal; // as long as the page lives
  for await (const { event, data } of follow(desk.client, `/api/v1/handoffs/events?after=${cursor}`, signal)) {
    if (event === "online" || event === "offline") {
      state(event === "online" ? "live" : "reconnecting");
      if (event === "online") refreshQueue();
      continue;
    }
    if (event === "queued" || event === "sla_due" || (data.role === "user" && mineById(data))) raise(event);
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

/** Says whether the page hears what happens: `live`, or why not. */
function state(text) {
  at("live").textContent = text;
  at("live").classList.toggle("off", text !== "live");
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
    work().catch((problem) => state(explain(problem)));
    setTimeout(() => {
      resting = false;
      if (asked) run();
    }, ms);
  };
}

function explain({ status, message }) {
  if (status === 401) return "You are not signed in.";
  if (status === 403) return "This page is for agents and admins.";
  return message || "The connection was lost.";
}
