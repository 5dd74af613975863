// @ts-check
/** What changed between two texts, word by word. */

const MOST = 4_000_000; // cells of the table; larger texts are compared line by line, and the largest not at all

/**
 * @typedef {{ kind: "same" | "removed" | "added", text: string }} Piece
 * @param {string} before
 * @param {string} after
 * @returns {Piece[]}
 */
export function diff(before, after) {
  for (const split of [/(?<=\s)(?=\S)/, /(?<=\n)/]) {
    const [one, other] = [before.split(split), after.split(split)];
    const found = compare(one, other);
    if (found) return found;
  }
  return joined([
    { kind: "removed", text: before },
    { kind: "added", text: after },
  ]);
}

/** @param {string[]} one @param {string[]} other @returns {Piece[] | null} null: too much to compare */
function compare(one, other) {
  let head = 0;
  while (head < one.length && head < other.length && one[head] === other[head]) head += 1;
  let tail = 0;
  while (tail < one.length - head && tail < other.length - head && one.at(-1 - tail) === other.at(-1 - tail)) tail += 1;
  const [a, b] = [one.slice(head, one.length - tail), other.slice(head, other.length - tail)];
  if (a.length * b.length > MOST) return null;
  const same = (/** @type {string[]} */ words) => words.map((text) => /** @type {Piece} */ ({ kind: "same", text }));
  return joined([...same(one.slice(0, head)), ...middle(a, b), ...same(one.slice(one.length - tail))]);
}

/** The longest common subsequence decides. @param {string[]} a @param {string[]} b @returns {Piece[]} */
function middle(a, b) {
  const width = b.length + 1;
  const longest = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const at = i * width + j;
      longest[at] = a[i] === b[j] ? longest[at + width + 1] + 1 : Math.max(longest[at + width], longest[at + 1]);
    }
  }
  /** @type {Piece[]} */
  const found = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      found.push({ kind: "same", text: a[i] });
      [i, j] = [i + 1, j + 1];
    } else if (j >= b.length || (i < a.length && longest[(i + 1) * width + j] >= longest[i * width + j + 1])) {
      found.push({ kind: "removed", text: a[i++] });
    } else found.push({ kind: "added", text: b[j++] });
  }
  return found;
}

/** @param {Piece[]} pieces @returns {Piece[]} */
function joined(pieces) {
  /** @type {Piece[]} */
  const found = [];
  for (const piece of pieces.filter((each) => each.text)) {
    const last = found.at(-1);
    if (last?.kind === piece.kind) last.text += piece.text;
    else found.push({ ...piece });
  }
  return found;
}
