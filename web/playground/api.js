/** Speaks the playground's API: recorded turns, their steps, and runs in the sandbox. */

import { Client } from "/widget/client.js";
import { h } from "/widget/dom.js";
import { readEvents } from "/widget/sse.js";

const PLAYGROUND = "/api/v1/playground";
const IDLE_MS = 120_000; // a model may think for a while before its step ends

export const client = new Client(() => ({ server: location.origin, token: null }));

export async function get(path) {
  return (await client.request(path, { method: "GET" })).json();
}

export async function send(method, path, body) {
  const response = await client.request(path, { method, body });
  return response.status === 204 ? null : response.json();
}

/** `{turns, next_cursor}`: recorded turns, the newest first. */
export function turns({ conversation, cursor, limit = 30 } = {}) {
  const query = new URLSearchParams({ limit });
  if (conversation) query.set("conversation_id", conversation);
  if (cursor) query.set("cursor", cursor);
  return get(`${PLAYGROUND}/turns?${query}`);
}

/** A recorded turn with its steps, the prompt and the parameters that it had. */
export const turn = (id) => get(`${PLAYGROUND}/turns/${id}`);

/** Runs a fork (`{at, message?, state?, prompt?, parameters?, times}`) and yields its events. */
export async function* runs(id, fork) {
  const headers = { Accept: "text/event-stream" };
  const response = await client.request(`${PLAYGROUND}/turns/${id}/runs`, { method: "POST", headers, body: fork });
  yield* readEvents(response.body, IDLE_MS);
}

/** What went wrong, for whoever reads it. */
export function explain({ status, message }) {
  if (status === 0) return "The connection to the server was lost. Is it running? Try again.";
  if (status === 401) return "You are not signed in. In the demo, open the login link that “make run” printed.";
  if (status === 403) return "This page is for admins of the shop.";
  return message || "Something went wrong.";
}

/** Says in `node` what went wrong, with the way to sign in where that helps. */
export function tell(node, problem) {
  const signIn = h("a", { href: `/signin?page=${location.pathname}` }, problem.status === 403 ? "Sign in as somebody else" : "Sign in");
  node.replaceChildren(explain(problem), ...([401, 403].includes(problem.status) ? [" ", signIn] : []));
  node.hidden = false;
}

/** Plays cases (`{cases}` or `{suite}`, with `prompt?` and `parameters?`) in the sandbox and yields its events. */
export async function* suiteRun(body) {
  const headers = { Accept: "text/event-stream" };
  const response = await client.request("/api/v1/evals/runs", { method: "POST", headers, body });
  yield* readEvents(response.body, IDLE_MS);
}
