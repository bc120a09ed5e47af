/** What differs between two texts, word by word or line by line. */

const MOST_PARTS = 1500;
const AROUND = 2; // unchanged lines that are shown beside a change

/** Pieces `{kind: same | gone | new, text}` that lead from text `a` to text `b`, word by word. */
export function words(a, b) {
  const split = (text) => text.match(/\S+\s*|\s+/g) ?? [];
  const pieces = [];
  for (const { kind, text } of steps(split(a), split(b))) {
    const last = pieces.at(-1);
    if (last?.kind === kind) last.text += text;
    else pieces.push({ kind, text });
  }
  return pieces;
}

/** The lines that differ, of the same kinds, with two around each change; "⋯" stands for those left out. */
export function lines(a, b) {
  const all = steps(a.split("\n"), b.split("\n"));
  const near = all.map((_, at) => all.slice(Math.max(0, at - AROUND), at + AROUND + 1).some(({ kind }) => kind !== "same"));
  return all.flatMap((line, at) => {
    if (near[at]) return [line];
    return near[at - 1] || at === 0 ? [{ kind: "same", text: "⋯" }] : [];
  });
}

/** The way from one list of texts to another, in steps of one; what begins and ends alike is not compared. */
function steps(a, b) {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end += 1;
  const same = (texts) => texts.map((text) => ({ kind: "same", text }));
  const middle = between(a.slice(start, a.length - end), b.slice(start, b.length - end));
  return [...same(a.slice(0, start)), ...middle, ...same(a.slice(a.length - end))];
}

function between(left, right) {
  const gone = (text) => ({ kind: "gone", text });
  const added = (text) => ({ kind: "new", text });
  if (left.length > MOST_PARTS || right.length > MOST_PARTS) return [...left.map(gone), ...right.map(added)];
  const common = table(left, right);
  const found = [];
  let [i, j] = [0, 0];
  while (i < left.length || j < right.length) {
    if (i < left.length && j < right.length && left[i] === right[j]) {
      found.push({ kind: "same", text: left[i] });
      i += 1;
      j += 1;
    } else if (j >= right.length || (i < left.length && common[i + 1][j] >= common[i][j + 1])) found.push(gone(left[i++]));
    else found.push(added(right[j++]));
  }
  return found;
}

/** At `[i][j]` the length of the longest common part of what follows `i` and `j`. */
function table(left, right) {
  const rows = Array.from({ length: left.length + 1 }, () => new Uint16Array(right.length + 1));
  for (let i = left.length - 1; i >= 0; i -= 1) {
    for (let j = right.length - 1; j >= 0; j -= 1) {
      rows[i][j] = left[i] === right[j] ? rows[i + 1][j + 1] + 1 : Math.max(rows[i + 1][j], rows[i][j + 1]);
    }
  }
  return rows;
}
