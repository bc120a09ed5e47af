/** Reads server-sent events from the body of a fetch, because EventSource cannot POST. */

const FRAME_END = /\r\n\r\n|\n\n|\r\r/;

/**
 * Yields `{id, event, data}` for every complete frame; `data` is parsed JSON. A frame cut off by the end of
 * the stream is dropped, as the standard says. Throws a TypeError when nothing (not even the server's
 * keep-alive comment) arrives for `idleMs`. (https://html.spec.whatwg.org/multipage/server-sent-events.html)
 */
export async function* readEvents(body, idleMs) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  try {
    for (;;) {
      const { value, done } = await within(idleMs, reader.read());
      if (done) return;
      buffer += value;
      for (let end = FRAME_END.exec(buffer); end; end = FRAME_END.exec(buffer)) {
        const frame = parseFrame(buffer.slice(0, end.index));
        buffer = buffer.slice(end.index + end[0].length);
        if (frame) yield frame;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** One frame's text as `{id, event, data}`, or null for a comment or a frame without data. */
export function parseFrame(text) {
  const fields = { id: null, event: "message" };
  const data = [];
  for (const line of text.split(/\r\n|\n|\r/)) {
    const colon = line.indexOf(":");
    if (colon === 0) continue;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") data.push(value);
    else if (name === "id" || name === "event") fields[name] = value;
  }
  return data.length ? { ...fields, data: JSON.parse(data.join("\n")) } : null;
}

/** The promise, or a TypeError (what fetch throws when the network fails) after `ms`. */
export async function within(ms, promise) {
  let timer;
  const silence = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new TypeError("The server went silent.")), ms);
  });
  try {
    return await Promise.race([promise, silence]);
  } finally {
    clearTimeout(timer);
  }
}
