/** Speaks the handoff API: the queue, one conversation, and an agent's acts. */

import { Client } from "/widget/client.js";

const client = new Client(() => ({ server: location.origin, token: null }));
const HANDOFFS = "/api/v1/handoffs";

export { client };

/** `{tenant, role, email}` of whoever is signed in. */
export const me = () => get("/api/v1/me");

/** `{handoffs, cursor}`: everything open, whoever waits longest first. */
export const queue = () => get(`${HANDOFFS}?limit=200`);

/** The e-mail addresses of all who ever opened the queue. */
export async function colleagues() {
  const { agents } = await get(`${HANDOFFS}/agents`);
  return agents.map(({ email }) => email).filter(Boolean);
}

/** `{handoff, messages}` with all that was said after the message `after`. */
export async function talk(id, after) {
  const messages = [];
  for (let cursor = after; ; ) {
    const page = await get(`${HANDOFFS}/${id}/messages${cursor ? `?cursor=${cursor}` : ""}`);
    messages.push(...page.messages);
    cursor = page.next_cursor;
    if (!cursor) return { handoff: page.handoff, messages };
  }
}

/** Does `claim`, `transfer`, `return`, `close` or `reply`; an Idempotency-Key makes a reply safe to send twice. */
export async function act(id, what, body, key) {
  const headers = key ? { "Idempotency-Key": key } : {};
  const response = await client.request(`${HANDOFFS}/${id}/${what}`, { method: "POST", headers, body });
  return response.json();
}

async function get(path) {
  return (await client.request(path, { method: "GET" })).json();
}
