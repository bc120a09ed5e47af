/** Cuts the text of a file into parts that fit a request, each with how many lines of the file came before it. */

const MOST_BYTES = 48_000; // of what a request may have, as JSON writes it
const size = (text) => new TextEncoder().encode(JSON.stringify(text)).length;

/** `[{content, before}]`: content is a part of the file, before is added to its lines; null if it cannot be cut. */
export function partsOf(form, text) {
  if (!text.trim()) return [];
  if (size(text) <= MOST_BYTES) return [{ content: text, before: 0 }];
  if (form === "html") return null;
  const lines = text.split(/(?<=\n)/);
  const head = form === "csv" ? lines.shift() : "";
  const parts = [];
  let part = { content: head, before: 0 };
  let line = head ? 1 : 0;
  for (const entry of entries(form, lines)) {
    if (part.content !== head && size(part.content + entry) > MOST_BYTES) {
      parts.push(part);
      part = { content: head, before: line - (head ? 1 : 0) };
    }
    if (size(part.content + entry) > MOST_BYTES) return null;
    part.content += entry;
    line += entry.split("\n").length - 1;
  }
  return [...parts, part];
}

/** Lines that must stay together: a quoted field of a CSV runs over lines, a Markdown text belongs to its heading. */
function* entries(form, lines) {
  let entry = "";
  let quoted = false;
  for (const line of lines) {
    if (form === "md" ? /^#/.test(line) && entry : !quoted && entry) {
      yield entry;
      entry = "";
    }
    entry += line;
    if (form === "csv" && (line.split('"').length - 1) % 2) quoted = !quoted;
  }
  if (entry) yield entry;
}
