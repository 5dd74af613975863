// Building the page. Whatever a model wrote becomes text; nothing is ever read as markup.

/** An element with attributes, listeners (`onclick`) and children: elements, or anything else as text. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  fill(made, ...children);
  return made;
}

const STEERING = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]/gu;

/** Text of which nothing can turn the writing round: control characters become pictures of themselves. */
export function visible(text) {
  return text.replaceAll("\r\n", "\n").replace(STEERING, (found) => {
    const code = found.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code === 0x7f ? "\u2421" : "\ufffd";
  });
}

/** Replace what an element holds. */
export function fill(parent, ...children) {
  const nodes = children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
  parent.replaceChildren(
    ...nodes.map((child) => (child instanceof Node ? child : document.createTextNode(visible(String(child))))),
  );
}

/** Text in the lines in which it was written. */
export const verbatim = (text) => element("div", { class: "verbatim", dir: "auto" }, text);

const NUMBER = /^(|[·–★]|yes|no|free|[\d.,]+( s| of \d+)?|(less than )?\$[\d.]+)$/;

/** A table that scrolls by itself where the screen is too narrow; `head` and `rows` hold cells, `first` is ahead. */
export function table(head, rows, first = -1) {
  const numbers = head.map((_, at) => at > 0 && rows.every((row) => NUMBER.test(String(row[at]))));
  const cell = (tag) => (content, at) =>
    element(tag, { class: numbers[at] ? "number" : null, scope: tag === "th" ? "col" : null }, content);
  return element(
    "div",
    { class: "scrolls", tabindex: "0", role: "region", "aria-label": "table" },
    element(
      "table",
      {},
      element("thead", {}, element("tr", {}, head.map(cell("th")))),
      element(
        "tbody",
        {},
        rows.map((row, at) => element("tr", { class: at === first ? "ahead" : null }, row.map(cell("td")))),
      ),
    ),
  );
}

/** A number as people read it: at most two decimals. */
export const brief = (number) => (typeof number === "number" ? String(Math.round(number * 100) / 100) : number);

export function money(usd, listed = null) {
  if (usd === null || usd === undefined) return "price unknown";
  if (usd > 0) return usd < 0.0001 ? "less than $0.0001" : `$${usd.toFixed(4)}`;
  return listed ? `covered, list price $${listed.toFixed(4)}` : "free";
}

export const counted = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
export const words = (name) => String(name).replaceAll("_", " ");
