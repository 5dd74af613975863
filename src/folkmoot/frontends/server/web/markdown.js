// @ts-check
/**
 * What a model wrote, as elements. Text becomes text nodes and nothing else; there is no way to an HTML parser from here.
 *
 * Every pass over a text is linear in its length, so that no reply, however hostile, can hold the page up.
 */
import { visible } from "./words.js";

export const LONGEST = 100_000; // characters that are formatted, or shown at once; laying out more takes seconds
const DEEPEST = 8; // quotes and lists inside each other

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([\w+#.-]*)[^`]*$/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const RULE = /^ {0,3}([-*_])(\s*\1){2,}\s*$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])( +)(?=\S)/;
const TABLE = /^ *\|?( *:?-+:? *\|)+( *:?-+:? *)?\|? *$/;

/** @param {string} text @returns {HTMLElement} */
export function markdown(text) {
  const shown = visible(text);
  const root = element("div", "prose");
  root.dir = "auto";
  if (shown.length > LONGEST) {
    root.append(verbatim(text));
  } else {
    root.append(...blocks(shown.replaceAll("\t", "    ").split("\n"), 0));
  }
  return root;
}

/** A text letter by letter, in a box that scrolls. @param {string} text @returns {HTMLElement} */
export function verbatim(text) {
  const shown = visible(text);
  const box = element("pre", "raw", [shown.slice(0, LONGEST)]);
  box.tabIndex = 0;
  box.dir = "auto";
  if (shown.length <= LONGEST) return box;
  const more = element("button", "", [`Show all ${shown.length.toLocaleString("en")} characters`]);
  more.addEventListener("click", () => {
    box.textContent = shown;
    more.remove();
    box.focus();
  });
  return element("div", "long", [box, more]);
}

/** @param {string} name @param {string} [kind] @param {(Node | string)[]} children @returns {HTMLElement} */
function element(name, kind = "", children = []) {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  made.append(...children);
  return made;
}

/** @param {string[]} lines @param {number} depth @returns {Node[]} */
function blocks(lines, depth) {
  /** @type {Node[]} */
  const found = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at];
    let taken;
    if (!line.trim()) at += 1;
    else if ((taken = FENCE.exec(line))) at = fenced(lines, at, taken[1], found);
    else if ((taken = HEADING.exec(line))) {
      found.push(element(`h${Math.min(taken[1].length + 2, 6)}`, "", inline(taken[2])));
      at += 1;
    } else if (RULE.test(line)) {
      found.push(element("hr"));
      at += 1;
    } else if (depth < DEEPEST && QUOTE.test(line)) at = quoted(lines, at, depth, found);
    else if (depth < DEEPEST && ITEM.test(line)) at = listed(lines, at, depth, found);
    else if (line.includes("|") && TABLE.test(lines[at + 1] ?? "")) at = tabled(lines, at, found);
    else at = paragraph(lines, at, depth, found);
  }
  return found;
}

/** @param {string[]} lines @param {number} at @param {string} fence @param {Node[]} found */
function fenced(lines, at, fence, found) {
  let end = at + 1;
  while (end < lines.length && !(lines[end].trim().startsWith(fence) && !lines[end].trim().replaceAll(fence[0], "")))
    end += 1;
  found.push(element("pre", "", [element("code", "", [lines.slice(at + 1, end).join("\n")])]));
  return end + 1;
}

/** @param {string[]} lines @param {number} at @param {number} depth @param {Node[]} found */
function quoted(lines, at, depth, found) {
  let end = at;
  while (end < lines.length && QUOTE.test(lines[end])) end += 1;
  const inner = lines.slice(at, end).map((line) => line.replace(QUOTE, ""));
  found.push(element("blockquote", "", blocks(inner, depth + 1)));
  return end;
}

/** @param {string[]} lines @param {number} at @param {number} depth @param {Node[]} found */
function listed(lines, at, depth, found) {
  const first = /** @type {RegExpExecArray} */ (ITEM.exec(lines[at]));
  const ordered = /\d/.test(first[2]);
  const list = element(ordered ? "ol" : "ul");
  if (ordered) /** @type {HTMLOListElement} */ (list).start = parseInt(first[2], 10);
  while (at < lines.length) {
    const marker = ITEM.exec(lines[at]);
    if (!marker || RULE.test(lines[at]) || /\d/.test(marker[2]) !== ordered) break;
    const width = marker[3].length > 4 ? marker[1].length + marker[2].length + 1 : marker[0].length;
    const inner = [lines[at].slice(width)];
    at += 1;
    while (at < lines.length && belongs(lines, at, width))
      inner.push(lines[at++].replace(new RegExp(`^ {0,${width}}`), ""));
    const children = blocks(inner, depth + 1);
    const only = children[0];
    // A single paragraph in an item needs no box of its own.
    list.append(
      element(
        "li",
        "",
        only instanceof HTMLParagraphElement && !inner.includes("")
          ? [...only.childNodes, ...children.slice(1)]
          : children,
      ),
    );
    while (at < lines.length && !lines[at].trim() && ITEM.test(lines[at + 1] ?? "")) at += 1;
  }
  found.push(list);
  return at;
}

/** Whether a line goes on with the list item before it. @param {string[]} lines @param {number} at @param {number} width */
function belongs(lines, at, width) {
  const line = lines[at];
  const indent = line.length - line.trimStart().length;
  if (!line.trim()) {
    const next = lines[at + 1] ?? "";
    return Boolean(next.trim()) && next.length - next.trimStart().length >= Math.min(width, 2);
  }
  return indent >= Math.min(width, 2) || (Boolean(lines[at - 1]?.trim()) && !starts(line));
}

/** Whether a line begins something other than a paragraph. @param {string} line */
const starts = (line) =>
  FENCE.test(line) || HEADING.test(line) || RULE.test(line) || QUOTE.test(line) || ITEM.test(line);

/** @param {string[]} lines @param {number} at @param {Node[]} found */
function tabled(lines, at, found) {
  const sides = cells(lines[at + 1]).map((cell) =>
    cell.endsWith(":") ? (cell.startsWith(":") ? "middle" : "end") : "",
  );
  const row = (/** @type {string} */ line, /** @type {string} */ name) =>
    element(
      "tr",
      "",
      cells(line)
        .slice(0, sides.length)
        .map((cell, index) => element(name, sides[index], inline(cell))),
    );
  const body = element("tbody");
  const head = element("thead", "", [row(lines[at], "th")]);
  at += 2;
  while (at < lines.length && lines[at].includes("|") && lines[at].trim()) body.append(row(lines[at++], "td"));
  found.push(element("div", "wide", [element("table", "", [head, body])]));
  return at;
}

/** @param {string} line */
const cells = (line) =>
  line
    .trim()
    .replace(/^\||\|$/g, "")
    .split("|")
    .map((cell) => cell.trim());

/** @param {string[]} lines @param {number} at @param {number} depth @param {Node[]} found */
function paragraph(lines, at, depth, found) {
  let end = at + 1;
  while (end < lines.length && lines[end].trim() && !starts(lines[end]) && !TABLE.test(lines[end + 1] ?? "")) end += 1;
  const text = lines
    .slice(at, end)
    .map((line) => line.trimStart())
    .join("\n");
  found.push(element("p", "", inline(text.trimEnd())));
  return end;
}

const TOKEN = new RegExp(
  [
    /\\([\\`*_{}[\]()#+.!|~<>-])/, // a mark that is meant as it is
    /(`+)/,
    /!?\[([^[\]\n]{1,500})\]\(\s*([^\s()<>]{1,2000})(?:\s+"[^"\n]{0,200}")?\s*\)/, // a link, or a picture
    /<?(https?:\/\/[^\s<>"'`|]{3,2000})>?/,
    /( {2,}|\\)\n/, // a line that ends here
    /(\*{1,3}|_{1,3}|~~)/,
  ]
    .map((each) => each.source)
    .join("|"),
  "g",
);

/**
 * Emphasis, code, links. A mark that nothing closes is text.
 * @param {string} text
 * @returns {(Node | string)[]}
 */
function inline(text) {
  /** @type {(Node | string)[]} */
  const out = [];
  /** @type {{ mark: string, at: number }[]} */
  const open = [];
  /** @type {Set<string>} */
  const unclosed = new Set(); // runs of backticks of which no further one comes
  let done = 0;
  TOKEN.lastIndex = 0;
  for (let token; (token = TOKEN.exec(text));) {
    const [all, escaped, ticks, label, target, address, , mark] = token;
    if (token.index > done) out.push(text.slice(done, token.index));
    done = TOKEN.lastIndex;
    if (escaped) out.push(escaped);
    else if (ticks) {
      const end = unclosed.has(ticks) ? -1 : closing(text, ticks, done);
      if (end < 0) {
        unclosed.add(ticks);
        out.push(ticks);
      } else {
        out.push(element("code", "", [text.slice(done, end).replace(/^ (.*) $/s, "$1")]));
        done = end + ticks.length;
      }
    } else if (target) out.push(link(label, target));
    else if (address) {
      const kept = address.replace(/[.,;:!?)\]*_]+$/, "");
      out.push(link(kept, kept));
      done = token.index + all.indexOf(kept) + kept.length + (all.endsWith(">") && kept === address ? 1 : 0);
    } else if (mark) emphasise(text, token.index, mark, out, open);
    else out.push(element("br"));
    TOKEN.lastIndex = done;
  }
  if (done < text.length) out.push(text.slice(done));
  return out;
}

/** Where a run of exactly these backticks comes next. @param {string} text @param {string} ticks @param {number} from */
function closing(text, ticks, from) {
  for (let at = text.indexOf(ticks, from); at >= 0;) {
    let end = at;
    while (text[end] === "`") end += 1;
    if (end - at === ticks.length) return at;
    at = text.indexOf(ticks, end);
  }
  return -1;
}

/**
 * @param {string} text
 * @param {number} at where the run of marks stands
 * @param {string} run
 * @param {(Node | string)[]} out
 * @param {{ mark: string, at: number }[]} open
 */
function emphasise(text, at, run, out, open) {
  const [before, after] = [text[at - 1] ?? " ", text[at + run.length] ?? " "];
  const within = run[0] === "_" && /\w/.test(before) && /\w/.test(after);
  let left = run;
  if (/\S/.test(before) && !within) {
    for (let last; left && (last = open.findLastIndex((each) => left.startsWith(each.mark))) >= 0;) {
      const { mark, at: from } = open[last];
      open.length = last; // what was opened since and never closed is text
      const name = mark === "~~" ? "s" : mark.length === 2 ? "strong" : "em";
      const inner = out.splice(from + 1);
      out[from] = element(name, "", inner);
      left = left.slice(mark.length);
    }
  }
  if (left && /\S/.test(after) && !within && open.length < 50) {
    for (const mark of left.length === 3 ? [left.slice(0, 2), left[0]] : [left]) {
      open.push({ mark, at: out.length });
      out.push(mark);
    }
  } else if (left) out.push(left);
}

/** A link that can only lead to a page or a letter; anything else stays text. @param {string} label @param {string} target */
function link(label, target) {
  let url;
  try {
    url = new URL(target);
  } catch {
    return `${label} (${target})`;
  }
  if (!["http:", "https:", "mailto:"].includes(url.protocol)) return `${label} (${target})`;
  const made = /** @type {HTMLAnchorElement} */ (element("a", "", label === target ? [label] : inline(label)));
  made.href = url.href;
  made.rel = "noopener noreferrer";
  made.target = "_blank";
  made.title = url.href;
  return made;
}
