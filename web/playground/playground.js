/** The playground page: sends a message or opens a recorded turn, shows its way, and forks it at a step. */

import { newKey } from "/widget/client.js";
import { h } from "/widget/dom.js";
import { client, tell } from "./api.js";
import { Graph } from "./graph.js";
import { describe } from "./reply.js";
import { Workshop } from "./workshop.js";

const at = (id) => document.getElementById(id);
const NO_GRAPH = { 401: "Sign in to see the graph.", 403: "The graph is shown to admins of the shop." };
let graph = null;
let workshop = null;
let conversation = null;
let started = 0;
let busy = false;

const show = {
  accepted: ({ conversation_id: id }) => keep(id),
  step: (data) => graph?.step(data),
  token: ({ text }) => at("answer").append(text),
  revise: ({ text }) => at("answer").replaceChildren(text),
  reconnecting: () => begin("reconnecting"),
  done: finish,
  error: ({ detail, title }) => fail(detail ?? title),
};

at("form").addEventListener("submit", (event) => {
  event.preventDefault();
  send(at("message").value.trim());
});
at("fresh").addEventListener("click", () => keep(null));
for (const button of document.querySelectorAll(".examples button")) {
  button.addEventListener("click", () => {
    at("message").value = button.textContent;
    send(button.textContent);
  });
}
// A message may be sent before the graph is there.
graph = await loadGraph();
workshop = new Workshop(graph);

async function loadGraph() {
  const response = await fetch("/playground/graph.json");
  if (!response.ok) {
    at("graph").append(NO_GRAPH[response.status] ?? "The graph could not be loaded; answers and events still work.");
    return null;
  }
  const { langserve, ...shape } = await response.json();
  if (langserve) at("pages").append(" ", h("a", { href: langserve }, "LangServe"));
  const loaded = new Graph(shape, (name) => workshop?.pickNode(name));
  at("graph").append(loaded.element);
  return loaded;
}

async function send(message) {
  if (!message || busy) return;
  busy = true;
  at("send").setAttribute("aria-disabled", "true");
  begin("running");
  try {
    const body = { message, ...(conversation && { conversation_id: conversation }) };
    for await (const event of client.turn(body, newKey())) {
      log(event);
      show[event.event]?.(event.data);
    }
  } catch (problem) {
    tell(at("answer"), problem);
    mark("failed");
  }
  busy = false;
  at("send").removeAttribute("aria-disabled");
}

function begin(state) {
  started = performance.now();
  graph?.reset();
  for (const id of ["answer", "facts", "events"]) at(id).replaceChildren();
  at("raw").hidden = true;
  at("live").hidden = false;
  at("count").textContent = "";
  mark(state);
}

function log({ id, event, data }) {
  const after = `${(performance.now() - started).toFixed(0)} ms`;
  const cells = [id ?? "", after, event, JSON.stringify(data)].map((text) => h("td", {}, text));
  at("events").append(h("tr", { class: event }, ...cells));
  at("events").closest("div").scrollTop = Number.MAX_SAFE_INTEGER;
  at("count").textContent = `${at("events").children.length} events`;
}

function finish(done) {
  keep(done.conversation_id);
  at("answer").textContent = done.reply.text;
  at("answer").lang = done.reply.language ?? "";
  at("facts").replaceChildren(...describe(done));
  at("raw").hidden = false;
  at("raw").querySelector("pre").textContent = JSON.stringify(done, null, 2);
  mark("done");
  workshop?.recorded(done.turn_id);
}

function fail(detail) {
  at("answer").textContent = detail;
  mark("failed");
}

function mark(state) {
  at("state").textContent = state;
  at("state").className = state;
}

function keep(id) {
  conversation = id;
  at("conversation").textContent = id ? `Conversation ${id}` : "No conversation yet.";
}
