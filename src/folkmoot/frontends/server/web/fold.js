// @ts-check
/**
 * From the events of a run to what is known of it: a pure function, for events that come live and for a replay alike.
 *
 * `fold(state, event, now)` returns the next state and leaves the old one as it was. `now` is in seconds, of any clock
 * that only runs forward.
 */

import { judging } from "./spoken.js";

/**
 * @typedef {{ name: string, model_id: string, role: string | null, duty: string, label: string }} Seat
 * @typedef {{ step: string, seat: string, since: number, text: string, attempt: number,
 *   againAt: number | null, phase: string, calls: number }} Running
 * @typedef {"waiting" | "answered" | "failed" | "dropped"} Standing
 * @typedef {{ place: string, scope: string, round: number, phase: string, started: number, ended: number, over: boolean,
 *   seconds: number | null }} Phase
 * @typedef {{ step: string, seat: string, key: string[], state: "answered" | "failed", text: string, brief: string,
 *   seconds: number | null, usage: any, usd: number | null, list_usd: number | null, kind: string, message: string,
 *   repaired: boolean, attempts: number }} Call
 */

export const KEPT = 4000; // characters of streamed text kept of each call
const MOST = 20_000; // of a judgement, which is understood from its beginning only

export const EMPTY = Object.freeze({
  id: "",
  protocol: "",
  prompt: "",
  options: /** @type {Record<string, unknown>} */ ({}),
  seats: /** @type {Seat[]} */ ([]),
  round: 0,
  total: 0,
  scope: "",
  phases: /** @type {Phase[]} */ ([]), // of the whole run, in order
  running: /** @type {Record<string, Running>} */ ({}), // by step
  standing: /** @type {Record<string, Standing>} */ ({}), // by seat, when nothing of it is running
  calls: /** @type {Call[]} */ ([]), // that have ended, in that order
  attempts: /** @type {Record<string, { repaired: boolean, count: number }>} */ ({}), // by step, of more than one
  outcome: /** @type {any} */ (null), // the last that was offered
  notices: /** @type {string[]} */ ([]),
  dropped: /** @type {{ seat: string, reason: string, round: number }[]} */ ([]),
  began: /** @type {number | null} */ (null),
  usd: 0,
  listUsd: /** @type {number | null} */ (null),
  unpriced: /** @type {string[]} */ ([]), // seats
  wasted: /** @type {boolean} */ (false), // whether something was paid of which no price is told
  inputTokens: 0,
  outputTokens: 0,
  over: /** @type {boolean} */ (false),
});

/** @typedef {typeof EMPTY} State */

/**
 * @param {State} state
 * @param {any} event as `events.as_json` writes it
 * @param {number} now
 * @returns {State}
 */
export function fold(state, event, now = 0) {
  const step = TURNS[/** @type {keyof typeof TURNS} */ (event.event)];
  return step ? step(state, event, now) : state;
}

/** @type {Record<string, (state: State, event: any, now: number) => State>} */
const TURNS = {
  run_started: (state, event, now) => ({
    ...EMPTY,
    notices: state.notices,
    began: now,
    id: event.run_id,
    protocol: event.protocol,
    prompt: event.prompt,
    options: event.options ?? {},
    seats: event.seats.map((/** @type {any} */ seat) => ({
      name: `s${seat.number}`,
      model_id: seat.id || seat.model,
      role: seat.role ?? null,
      duty: seat.duty ?? "member",
      label: event.labels?.[`s${seat.number}`] ?? "",
    })),
  }),
  round_started: (state, event) => ({
    ...rest(state),
    round: event.round,
    total: event.total,
    scope: event.scope ?? "",
  }),
  phase_started: (state, event) =>
    opened(state.phases.some((each) => !each.over) ? state : rest(state), placeOf(event)),
  phase_finished: (state, event) => {
    const place = placeOf(event);
    const phases = changed(opened(state, place).phases, place, (phase) => ({
      ...phase,
      over: true,
      seconds: (phase.seconds ?? 0) + event.seconds,
    }));
    // What was still running when the last phase ended has been given up.
    return { ...state, phases, running: phases.every((each) => each.over) ? {} : state.running };
  },
  call_started: (state, event, now) => begun(state, event, {}, now),
  text_delta: heard,
  inside: lookedInside,
  attempt_failed: (state, event, now) => ({
    ...begun(state, event, { attempt: event.attempt, againAt: now + event.wait }, now),
    attempts: tried(state, event, {}),
    wasted: true,
  }),
  repair_asked: (state, event, now) => ({
    ...begun(state, event, {}, now),
    attempts: tried(state, event, { repaired: true }),
    wasted: true,
  }),
  call_finished: (state, event) => paid(ended(state, event, "answered"), event),
  call_failed: (state, event) => ({ ...ended(state, event, "failed"), wasted: true }),
  seat_dropped: (state, event) => ({
    ...state,
    standing: { ...state.standing, [event.seat]: "dropped" },
    dropped: [...state.dropped, { seat: event.seat, reason: event.reason, round: event.round }],
  }),
  model_mismatch: (state, event) => noticed(state, `${event.asked} was answered by another model: ${event.answered}`),
  notice: (state, event) => noticed(state, event.message),
  offered: (state, event) => ({ ...state, outcome: event.outcome }),
  run_finished: (state, event) => ({
    ...state,
    running: {},
    over: true,
    outcome: event.result?.outcome ?? state.outcome,
  }),
};

/** A connection was lost: what seats wrote meanwhile will not come again. @param {State} state @returns {State} */
export function missed(state) {
  const running = Object.entries(state.running).map(([step, each]) => [
    step,
    { ...each, text: each.text && `${each.text} […] ` },
  ]);
  return { ...state, running: Object.fromEntries(running) };
}

/** The call that a step belongs to: a repair is not one of its own. @param {string} step */
export const callOf = (step) => step.replace(/\+repair$/, "");

/** @param {string} step e.g. converge/r2/evaluate/s2>s1 */
export function readStep(step) {
  const parts = callOf(step).split("/");
  const round = parts.findIndex((part) => /^r\d+$/.test(part));
  return {
    scope: parts
      .slice(0, Math.max(round, 0))
      .map((part) => `${part}/`)
      .join(""),
    round: round < 0 ? 0 : Number(parts[round].slice(1)),
    phase: parts.at(-2) ?? "",
    key: (parts.at(-1) ?? "").split(">"),
  };
}

/** @param {{ scope?: string, round: number, phase: string }} event */
const placeOf = (event) => `${event.scope ?? ""}r${event.round}/${event.phase}`;

/** @param {Phase[]} phases @param {string} place @param {(phase: Phase) => Phase} change */
const changed = (phases, place, change) => phases.map((phase) => (phase.place === place ? change(phase) : phase));

/** @param {State} state @param {string} place @returns {State} */
function opened(state, place) {
  if (state.phases.some((phase) => phase.place === place)) {
    return { ...state, phases: changed(state.phases, place, (phase) => ({ ...phase, over: false })) };
  }
  const { scope, round, phase } = readStep(`${place}/-`);
  const fresh = { place, scope, round, phase, started: 0, ended: 0, over: false, seconds: null };
  return { ...state, phases: [...state.phases, fresh] };
}

/** A new round or phase: nobody is doing anything. @param {State} state @returns {State} */
function rest(state) {
  const still = Object.entries(state.standing).filter(([, standing]) => standing === "dropped");
  return { ...state, running: {}, standing: Object.fromEntries(still) };
}

/** @param {State} state @param {any} event @param {Partial<Running>} more @param {number} now @returns {State} */
function begun(state, event, more, now) {
  const step = callOf(event.step);
  const place = step.slice(0, step.lastIndexOf("/"));
  const known = step in state.running;
  const next = state.phases.some((phase) => phase.place === place) ? state : opened(state, place);
  const nothing = { text: "", attempt: event.attempt ?? 1, againAt: null, phase: "", calls: 0 };
  const fresh = { step, seat: event.seat, since: now, ...nothing, ...more };
  return {
    ...next,
    phases: known ? next.phases : changed(next.phases, place, (phase) => ({ ...phase, started: phase.started + 1 })),
    running: { ...next.running, [step]: fresh },
  };
}

/** @param {State} state @param {any} event @returns {State} */
function heard(state, event) {
  const step = callOf(event.step);
  const call = state.running[step];
  if (!call || !event.text) return state;
  const before = event.attempt > call.attempt ? "" : call.text; // a new attempt: what came before is void
  const text = judging(before || event.text) ? (before + event.text).slice(0, MOST) : (before + event.text).slice(-KEPT);
  return { ...state, running: { ...state.running, [step]: { ...call, text, attempt: event.attempt, againAt: null } } };
}

/** Something happened in the run of a panel that has a seat. @param {State} state @param {any} event @returns {State} */
function lookedInside(state, event) {
  const step = callOf(event.step);
  const call = state.running[step];
  if (!call) return state;
  const { event: kind, phase } = event.happened;
  const next = {
    ...call,
    phase: kind === "phase_started" ? phase : call.phase,
    calls: call.calls + (kind === "call_finished" || kind === "call_failed" ? 1 : 0),
  };
  return { ...state, running: { ...state.running, [step]: next } };
}

/** @param {State} state @param {any} event @param {{ repaired?: boolean }} more */
function tried(state, event, more) {
  const step = callOf(event.step);
  const before = state.attempts[step] ?? { repaired: false, count: 1 };
  return { ...state.attempts, [step]: { ...before, ...more, count: before.count + 1 } };
}

/** @param {State} state @param {any} event @param {"answered" | "failed"} how @returns {State} */
function ended(state, event, how) {
  const step = callOf(event.step);
  const open = step in state.running ? state : begun(state, event, {}, 0);
  const { [step]: gone, ...running } = open.running;
  const place = step.slice(0, step.lastIndexOf("/"));
  const { repaired = false, count: attempts = 1 } = state.attempts[step] ?? {};
  /** @type {Call} */
  const call = {
    step,
    seat: event.seat,
    key: event.key,
    state: how,
    repaired,
    attempts,
    text: event.text ?? "",
    brief: event.brief ?? "",
    seconds: event.seconds ?? null,
    usage: event.usage ?? null,
    usd: event.usd ?? null,
    list_usd: event.list_usd ?? null,
    kind: event.kind ?? "",
    message: event.message ?? "",
  };
  return {
    ...open,
    running,
    phases: changed(open.phases, place, (phase) => ({ ...phase, ended: phase.ended + 1 })),
    standing: state.standing[event.seat] === "dropped" ? state.standing : { ...open.standing, [event.seat]: how },
    calls: [...state.calls.filter((each) => each.step !== step), call],
  };
}

/** @param {State} state @param {any} event @returns {State} */
function paid(state, event) {
  const name = state.seats.find((seat) => seat.name === event.seat)?.model_id ?? event.seat;
  const unknown = (event.usd === null || event.usd === undefined) && !state.unpriced.includes(name);
  return {
    ...state,
    inputTokens: state.inputTokens + (event.usage?.input_tokens ?? 0),
    outputTokens: state.outputTokens + (event.usage?.output_tokens ?? 0),
    usd: state.usd + (event.usd ?? 0),
    listUsd: typeof event.list_usd === "number" ? (state.listUsd ?? 0) + event.list_usd : state.listUsd,
    unpriced: unknown ? [...state.unpriced, name] : state.unpriced,
  };
}

/** @param {State} state @param {string} message @returns {State} */
const noticed = (state, message) =>
  state.notices.includes(message) ? state : { ...state, notices: [...state.notices, message] };
