/** What differs between two texts, word by word. */

const MOST_WORDS = 1500;

/** Pieces `{kind: same | gone | new, text}` that lead from text `a` to text `b`. */
export function words(a, b) {
  const left = split(a);
  const right = split(b);
  if (left.length > MOST_WORDS || right.length > MOST_WORDS) return whole(a, b);
  const common = table(left, right);
  const pieces = [];
  let i = 0;
  let j = 0;
  while (i < left.length || j < right.length) {
    if (i < left.length && j < right.length && left[i] === right[j]) {
      add(pieces, "same", left[i]);
      i += 1;
      j += 1;
    } else if (j >= right.length || (i < left.length && common[i + 1][j] >= common[i][j + 1])) {
      add(pieces, "gone", left[i]);
      i += 1;
    } else {
      add(pieces, "new", right[j]);
      j += 1;
    }
  }
  return pieces;
}

function split(text) {
  return text.match(/\S+\s*|\s+/g) ?? [];
}

function whole(a, b) {
  return a === b ? [{ kind: "same", text: a }] : [{ kind: "gone", text: a }, { kind: "new", text: b }];
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

function add(pieces, kind, text) {
  const last = pieces.at(-1);
  if (last?.kind === kind) last.text += text;
  else pieces.push({ kind, text });
}
