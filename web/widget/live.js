/** Follows a live event stream for as long as somebody wants it, and comes back after every drop. */

import { Problem } from "./client.js";
import { readEvents } from "./sse.js";

const IDLE_MS = 30_000; // the server sends a comment every 10 s
const PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 15_000;
const GIVE_UP = new Set([401, 403, 404]);

/**
 * Yields `{id, event, data}` of `path` until `signal` aborts; after a drop it goes on behind the last id. A local
 * `offline` event says that the connection is lost, `online` that it stands (again). Throws a Problem when the
 * server says that there is nothing to hear.
 */
export async function* follow(client, path, signal) {
  let last = null;
  let pause = PAUSE_MS;
  while (!signal.aborted) {
    try {
      const headers = { Accept: "text/event-stream", ...(last && { "Last-Event-ID": last }) };
      const response = await client.request(path, { method: "GET", headers, signal });
      yield { event: "online", data: {} };
      for await (const event of readEvents(response.body, IDLE_MS)) {
        if (signal.aborted) return;
        pause = PAUSE_MS;
        last = event.id ?? last;
        yield event;
      }
    } catch (problem) {
      if (signal.aborted) return;
      if (problem instanceof Problem && GIVE_UP.has(problem.status)) throw problem;
      yield { event: "offline", data: {} };
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
  }
}
