/** Speaks the chat API: one turn as a stream of events, the history, and feedback. */

import { readEvents, within } from "./sse.js";

const TRIES = 3;
const BACKOFF_MS = 400;
const IDLE_MS = 30_000; // the server sends a comment every 10 s
const TRY_AGAIN = new Set([409, 502, 503, 504]);
const HISTORY_PAGES = 5;

/** What went wrong, in words for the user. `status` is 0 when the network failed. */
export class Problem extends Error {
  constructor(status, detail, retryAfter = 0) {
    super(detail ?? "");
    this.status = status;
    this.retryAfter = retryAfter;
  }

  /** Whether the turn may already be with the server, so that trying again must use the same key. */
  get mayHaveArrived() {
    return this.status === 0 || this.status === 409 || this.status >= 500;
  }
}

export class Client {
  /**
   * `settings()` gives, or promises, `{server, token}` at each call: `server` is an origin, `token` a bearer token
   * or null. A refused token that is not `renew`ed stays refused; true means that the next `settings()` has another.
   */
  constructor(settings, renew = () => false) {
    this.settings = settings;
    this.renew = renew;
  }

  /**
   * Sends one turn (`{message, conversation_id?}` or `{confirm, conversation_id}`) and yields its events up to
   * and with `done` or `error`. After a network drop the same key is sent again, at most 3 tries in all: the
   * server replays the turn, so a local `reconnecting` event says to forget what was shown. Throws a Problem.
   */
  async *turn(body, key) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        yield* this.#attempt(body, key);
        return;
      } catch (failure) {
        const problem = asProblem(failure);
        if (attempt === TRIES || !(problem.status === 0 || TRY_AGAIN.has(problem.status))) throw problem;
        yield { event: "reconnecting", data: { attempt } };
        await sleep(Math.max(BACKOFF_MS * 3 ** (attempt - 1), Math.min(problem.retryAfter, 10) * 1000));
      }
    }
  }

  async *#attempt(body, key) {
    const headers = { Accept: "text/event-stream", "Idempotency-Key": key };
    const response = await this.request("/api/v1/chat/stream", { method: "POST", headers, body });
    for await (const event of readEvents(response.body, IDLE_MS)) {
      yield event;
      if (event.event === "done" || event.event === "error") return;
    }
    throw new TypeError("The stream ended before the turn did.");
  }

  /** The messages of a conversation, oldest first. */
  async history(conversationId) {
    const messages = [];
    let cursor = null;
    for (let page = 0; page < HISTORY_PAGES; page += 1) {
      const query = new URLSearchParams({ conversation_id: conversationId, limit: "500" });
      if (cursor) query.set("cursor", cursor);
      const response = await this.request(`/api/v1/chat/history?${query}`, { method: "GET" });
      const body = await response.json();
      messages.push(...body.messages);
      cursor = body.next_cursor;
      if (!cursor) break;
    }
    return messages;
  }

  /** Rates a turn `up` or `down`. */
  async rate(turnId, rating) {
    await this.request("/api/v1/chat/feedback", { method: "POST", body: { turn_id: turnId, rating } });
  }

  /** One request with the caller's identity; throws a Problem for every refusal. */
  async request(path, options) {
    let response = await this.#send(path, options);
    if (response.status === 401 && this.renew()) response = await this.#send(path, options);
    if (!response.ok) throw await problemOf(response);
    return response;
  }

  async #send(path, { method, headers = {}, body, signal }) {
    const { server, token } = await this.settings();
    const url = new URL(path, server);
    const sameOrigin = url.origin === location.origin;
    const request = {
      method,
      credentials: token || !sameOrigin ? "omit" : "same-origin",
      headers: { ...identity(token, sameOrigin), ...headers, ...(body && { "Content-Type": "application/json" }) },
      body: body && JSON.stringify(body),
      signal,
    };
    return within(IDLE_MS, fetch(url, request));
  }
}

/** A new Idempotency-Key. `randomUUID` exists only in secure contexts, which plain http is not. */
export function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function identity(token, sameOrigin) {
  if (token) return { Authorization: `Bearer ${token}` };
  const csrf = sameOrigin && document.cookie.match(/(?:^|;\s*)desk_csrf=([^;]*)/);
  return csrf ? { "X-CSRF-Token": decodeURIComponent(csrf[1]) } : {};
}

export async function problemOf(response) {
  const body = await response.json().catch(() => ({}));
  return new Problem(response.status, body.detail ?? body.title, Number(response.headers.get("Retry-After")) || 0);
}

function asProblem(failure) {
  return failure instanceof Problem ? failure : new Problem(0);
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
