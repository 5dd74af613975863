// @ts-check
/** What every part of the page says alike: harmless text, numbers with units, the words for a status. */

const STEERING = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]/gu;

/**
 * Text as it may be shown: nothing in it can turn the writing round. Control characters become pictures of themselves.
 * @param {string} text
 */
export function visible(text) {
  return text.replaceAll("\r\n", "\n").replace(STEERING, (found) => {
    const code = found.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code === 0x7f ? "␡" : "\ufffd";
  });
}

/** A model's name without the folder in which a server keeps its file. @param {string} name */
export const plainModel = (name) =>
  /^(?:[/~\\]|[A-Za-z]:[/\\])|\.(?:gguf|safetensors|bin)$/.test(name) ? (name.split(/[/\\]/).at(-1) ?? name) : name;

/** One line of at most `width` characters. @param {string} text */
export function oneLine(text, width = 300) {
  const line = visible(text.slice(0, width * 4))
    .split(/\s+/)
    .filter(Boolean)
    .join(" ");
  return line.length <= width ? line : `${line.slice(0, width - 1)}…`;
}

/** @param {number} number @param {string} noun */
export const counted = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 9.95) return `${seconds.toFixed(1).replace(/\.0$/, "")} s`;
  if (seconds < 59.5) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** @param {number} tokens */
export function short(tokens) {
  for (const [size, letter] of /** @type {[number, string][]} */ ([
    [1e6, "M"],
    [1e3, "k"],
  ])) {
    if (tokens >= size) return `${(tokens / size).toFixed(tokens < 10 * size ? 1 : 0)}${letter}`;
  }
  return String(tokens);
}

/** @param {number} usd */
export function money(usd) {
  if (usd > 0 && usd < 0.0001) return "less than $0.0001";
  return usd < 1
    ? `$${usd.toFixed(4)}`
    : `$${usd.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

/**
 * What was spent, without claiming to know more than is known.
 * @param {number | null | undefined} usd null: a call has no known price
 * @param {number | null | undefined} list list price of what cost nothing
 */
export function cost(usd, list = null) {
  if (usd === null || usd === undefined) return "price unknown";
  if (usd > 0) return list ? `${money(usd)} and list ${money(list)} not billed` : money(usd);
  return list ? `nothing billed, list ${money(list)}` : "free";
}

/** What a status means. The same words as in the terminal. */
export const STATUS = {
  converged: "Converged in {rounds}",
  max_rounds_exceeded: "No agreement after {rounds}",
  single_model: "One seat answered; nobody judged it",
  insufficient_models: "Too few seats answered in round {round}",
  over_budget: "Stopped in round {round}: the budget is used up",
  max_calls: "Stopped in round {round}: no more calls are allowed",
  cancelled: "Interrupted in round {round}",
  unfinished: "Unfinished: the record ends in round {round}",
  failed: "Failed in round {round}",
  consensus: "A majority endorsed one proposal in {rounds}",
  deadlock: "Deadlock after {rounds}; the proposal with most support stands",
  stalled: "Stopped in round {round}: no seat answered any more",
  answered: "Every seat answered",
  partial: "Some seats answered",
  voted: "The seats voted",
  agreed: "Seats agreed",
  decided: "The lead is decided",
  adjudicated: "A judge decided between the answers",
  undecided: "Undecided",
  chaired: "A chair wrote the answer",
  chair_failed: "No chair wrote an answer; the one ranked first stands",
  unranked: "Nobody ranked the answers",
  confident: "The arbiter is sure enough after {rounds}",
  below_threshold: "The arbiter is not sure enough after {rounds}",
  arbiter_failed: "No arbiter gave a ruling that could be read",
  no_ruling: "There is no ruling",
  no_majority: "No majority",
  ranked: "The arbiter ranked the answers",
  picked: "The arbiter picked an answer",
};

/** How a run ended, in words. @param {string} status @param {number} round */
export function statusText(status, round) {
  const rounds = counted(round, "round");
  const known = /** @type {Record<string, string>} */ (STATUS)[status];
  if (known) return known.replace("{rounds}", rounds).replace("{round}", String(round));
  const said = status.replaceAll("_", " ");
  return `${said.charAt(0).toUpperCase()}${said.slice(1)} after ${rounds}`;
}

/** A status for a list, in at most three words. @param {string} status */
export const statusWord = (status) => status.replaceAll("_", " ");

/** A model's name as people say it: without the parameters of a simulation. @param {string | null | undefined} id */
export const modelName = (id) => oneLine(id ?? "nobody", 80).replace(/\?[^#\s]*/, "");

/** A score with one decimal. 9.25 is 9.2, as in every other table of Folkmoot. @param {number} value */
export const score = (value) => (value % 1 === 0.25 ? value - 0.05 : value).toFixed(1);

/** A model's name without its provider, for a column that has to be narrow. @param {string} id */
export const nick = (id) => modelName(id).replace(/^[^/]*\//, "");

/** When something was, near enough. @param {string} iso @param {Date} [now] */
export function when(iso, now = new Date()) {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return "";
  const ago = (now.getTime() - at.getTime()) / 1000;
  if (ago < 60) return "just now";
  if (ago < 3600) return `${counted(Math.floor(ago / 60), "minute")} ago`;
  const time = at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  if (at.toDateString() === now.toDateString()) return `today ${time}`;
  return `${at.toLocaleDateString([], { day: "numeric", month: "short", year: "numeric" })} ${time}`;
}
