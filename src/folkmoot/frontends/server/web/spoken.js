// @ts-check
/**
 * What a seat says while it writes, in words: a judgement is JSON, of which people see the texts inside. The same as
 * render/spoken.py and naming.py.
 */

/** The phases in which a seat answers the question itself: "Answer B" may be a choice of the question there. */
const OWN_WORDS = new Set(["answer", "ask", "propose", "search", "synthesize"]);

const LABELS = /\bAnswers?\s+[A-Z]{1,2}\b(?:\s*(?:,|&|\/|>|=|and\b|or\b)\s*(?:and\s+)?[A-Z]{1,2}\b)*/g;

/**
 * The end of a reply as far as it has come, without thoughts; of JSON the texts that are values. Empty while there is
 * none yet.
 * @param {string} text the reply from its beginning
 */
export function spoken(text) {
  const said = text.trimStart().replace(/^<think(ing)?>[\s\S]*?(<\/think(ing)?>\s*|$)/i, "");
  const body = said.startsWith("`") ? said.slice(said.indexOf("\n") + 1 || said.length) : said;
  if (!/^\s*[{[]/.test(body)) return said;
  /** @type {string[]} */
  const found = [];
  for (const [, content = "", closed, colon] of body.matchAll(/"((?:[^"\\]|\\.)*)("|\\?$)(\s*:)?/g)) {
    if (colon || (!closed && !content)) continue;
    found.push(content.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/g, (_, code, letter) => unescaped(code, letter)));
  }
  return found.filter((each) => each.trim()).join(" ");
}

/** Whether a reply is a judgement in JSON. @param {string} text */
export const judging = (text) => /^\s*(?:`+\w*\s*)?[{[]/.test(text);

/**
 * A text with the names of seats instead of their labels.
 * @param {string} text
 * @param {string} step in whose reply it stands; labels are left in seats' own answers
 * @param {import("./fold.js").Seat[]} seats
 */
export function named(text, step, seats) {
  if (OWN_WORDS.has(step.split("/").at(-2) ?? "")) return text;
  const names = new Map(seats.map((seat) => [seat.label, seat.model_id]));
  return text.replace(LABELS, (found) => {
    const letters = found.replace(/^Answers?\s+/, "");
    const known = (letters.match(/\b[A-Z]{1,2}\b/g) ?? []).every((letter) => names.has(`Answer ${letter}`));
    return known ? letters.replace(/\b[A-Z]{1,2}\b/g, (letter) => names.get(`Answer ${letter}`) ?? letter) : found;
  });
}

/** @param {string | undefined} code @param {string | undefined} letter */
const unescaped = (code, letter) =>
  code ? String.fromCharCode(Number.parseInt(code, 16)) : letter === "n" || letter === "t" ? " " : (letter ?? "");
