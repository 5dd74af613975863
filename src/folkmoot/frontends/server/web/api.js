// @ts-check
/** The server's HTTP API, and the stream of a run's events. */

/** What the server says is wrong, in its own words. */
export class ApiError extends Error {
  /** @param {number} status @param {string} message @param {string} type */
  constructor(status, message, type) {
    super(message);
    this.status = status;
    this.type = type;
  }
}

/** Told when the server wants a key. */
export const locked = new EventTarget();

/**
 * @param {string} method
 * @param {string} path below /api/v1/
 * @param {unknown} [body]
 * @returns {Promise<any>}
 */
export async function ask(method, path, body) {
  const sent =
    body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  let response;
  try {
    response = await fetch(`/api/v1/${path}`, { method, credentials: "same-origin", ...sent });
  } catch {
    throw new ApiError(0, "The server cannot be reached. Is `folkmoot serve` still running?", "unreachable");
  }
  const text = await response.text();
  const read = parsed(text);
  if (response.ok) return read;
  if (response.status === 401 && path !== "login") locked.dispatchEvent(new Event("locked"));
  const error = read?.error ?? {};
  throw new ApiError(response.status, error.message ?? `The server answered ${response.status}.`, error.type ?? "");
}

/** @param {string} text */
function parsed(text) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}

/** @param {string} id */
const at = (id) => `runs/${encodeURIComponent(id)}`;

export const api = {
  login: (/** @type {string} */ key) => ask("POST", "login", { key }),
  models: () => ask("GET", "models"),
  protocols: () => ask("GET", "protocols"),
  panels: () => ask("GET", "panels"),
  begin: (/** @type {unknown} */ asked) => ask("POST", "runs", asked),
  runs: (/** @type {Record<string, string>} */ query) => ask("GET", `runs?${new URLSearchParams(query)}`),
  run: (/** @type {string} */ id) => ask("GET", at(id)),
  call: (/** @type {string} */ id, /** @type {string} */ step) =>
    ask("GET", `${at(id)}/call?${new URLSearchParams({ step })}`),
  receipt: (/** @type {string} */ id) => ask("GET", `${at(id)}/receipt`),
  cancel: (/** @type {string} */ id) => ask("POST", `${at(id)}/cancel`, {}),
  resume: (/** @type {string} */ id, /** @type {unknown} */ how) => ask("POST", `${at(id)}/resume`, how),
  fork: (/** @type {string} */ id, /** @type {unknown} */ how) => ask("POST", `${at(id)}/fork`, how),
  late: (/** @type {string} */ id, /** @type {string} */ step, /** @type {string} */ text) =>
    ask("POST", `${at(id)}/late`, { step, text }),
  mark: (/** @type {string} */ id, /** @type {unknown} */ mark) => ask("POST", `${at(id)}/outcome`, mark),
  remove: (/** @type {string} */ id) => ask("DELETE", at(id)),
  questions: () => ask("GET", "questions"),
  answer: (/** @type {string} */ id, /** @type {string} */ text) =>
    ask("POST", `questions/${encodeURIComponent(id)}`, { text }),
  exportPath: (/** @type {string} */ id, /** @type {string} */ format) => `/api/v1/${at(id)}/export?format=${format}`,
};

const KINDS = [
  "run_started",
  "round_started",
  "phase_started",
  "phase_finished",
  "call_started",
  "text_delta",
  "attempt_failed",
  "repair_asked",
  "inside",
  "call_finished",
  "call_failed",
  "seat_dropped",
  "model_mismatch",
  "offered",
  "notice",
  "run_finished",
];

/**
 * Follow a run from its first event. Events that have a number come once, whatever happens to the connection.
 * @param {string} id
 * @param {{ event: (event: any) => void, lost: () => void, back: () => void, end: () => void }} told
 * @returns {() => void} that stops following
 */
export function follow(id, told) {
  let last = -1;
  let broken = false;
  let wait = 500;
  /** @type {EventSource | undefined} */
  let source;
  /** @type {number | undefined} */
  let timer;

  const open = () => {
    source = new EventSource(`/api/v1/${at(id)}/events${last >= 0 ? `?after=${last}` : ""}`);
    source.onopen = () => {
      wait = 500;
      if (broken) told.back();
      broken = false;
    };
    source.onerror = () => {
      if (!broken) told.lost();
      broken = true;
      // The browser tries again by itself, unless it was refused.
      if (source?.readyState === EventSource.CLOSED) {
        timer = window.setTimeout(open, wait);
        wait = Math.min(wait * 2, 10_000);
      }
    };
    for (const kind of KINDS)
      source.addEventListener(kind, (message) => hear(kind, /** @type {MessageEvent} */ (message)));
    source.addEventListener("end", () => {
      source?.close();
      told.end();
    });
  };

  /** @param {string} kind @param {MessageEvent} message */
  const hear = (kind, message) => {
    const number = Number(message.lastEventId);
    // New text has no number of its own: it carries that of the event before it.
    if (kind !== "text_delta" && message.lastEventId !== "") {
      if (number <= last) return;
      last = number;
    }
    told.event({ event: kind, ...JSON.parse(message.data) });
  };

  open();
  return () => {
    window.clearTimeout(timer);
    source?.close();
  };
}
