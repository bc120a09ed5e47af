/** Who the visitor of a shop's page is to the service: a short token, renewed before it ends. */

import { problemOf } from "./client.js";
import { within } from "./sse.js";
import { stored } from "./storage.js";

const EARLY_MS = 30_000;
const WAIT_MS = 10_000;

export class Visitor {
  #token = null;
  #ends = 0;
  #asking = null;

  /** `settings()` gives `{server, site, identity}`: a site key or null, and a statement, a function, or null. */
  constructor(settings) {
    this.settings = settings;
  }

  /** A token that holds for half a minute at least; null where the page names no site. Throws a Problem. */
  async token() {
    if (!this.settings().site) return null;
    if (Date.now() < this.#ends - EARLY_MS) return this.#token;
    const asking = (this.#asking ??= this.#ask());
    try {
      const { token, expires_in: seconds } = await asking;
      if (this.#asking === asking) [this.#token, this.#ends] = [token, Date.now() + seconds * 1000];
      return token;
    } finally {
      if (this.#asking === asking) this.#asking = null;
    }
  }

  /** Ask anew at the next use; whether there was anything to forget. */
  forget() {
    const had = this.#token !== null;
    this.#token = this.#asking = null;
    this.#ends = 0;
    return had;
  }

  async #ask() {
    const { server, site, identity } = this.settings();
    const signed = typeof identity === "function" ? await identity() : identity;
    const key = `deskgraph:visitor:${server}:${site}`;
    const visitor = stored(() => localStorage.getItem(key));
    const response = await within(
      WAIT_MS,
      fetch(new URL("/api/v1/widget/token", server), {
        method: "POST",
        credentials: "omit",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ site_key: site, ...(visitor && { visitor }), ...(signed && { identity: signed }) }),
      }),
    );
    if (!response.ok) throw await problemOf(response);
    const given = await response.json();
    stored(() => localStorage.setItem(key, given.visitor));
    return given;
  }
}
