/** How a FAQ is spoken of on this page: its states, its address, its dates. */

export const STATES = { shown: "published", draft: "draft", scheduled: "scheduled", expired: "expired" };

/** The address of a FAQ on this page. */
export const addressOf = (id) => `#knowledge/faq/${encodeURIComponent(id)}`;

/** How many answers stood on it. */
export const cited = (hits) => (hits ? `cited ${hits === 1 ? "once" : `${hits} times`}` : "never cited");

export function day(moment) {
  return new Date(moment).toLocaleDateString([], { dateStyle: "medium" });
}

/** A moment of the API as a field for local time takes it, and back; empty is none. */
export function toLocal(moment) {
  if (!moment) return "";
  const at = new Date(moment);
  return new Date(at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

export const fromLocal = (text) => (text ? new Date(text).toISOString() : null);
