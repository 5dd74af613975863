// @ts-check
/** A run while it goes on: who is doing what just now, how far each phase is, what it has cost so far. */
import { model } from "./parts.js";
import { judging, named, spoken } from "./spoken.js";
import { html, nothing, repeat } from "./vendor/lit-html.js";
import { cost, counted, duration, short, visible } from "./words.js";

const TAIL = 600; // characters of what a seat is writing

/** @typedef {import("./fold.js").State} State */

/**
 * @param {State} state
 * @param {number} now in seconds, of the clock that `fold` was given
 * @param {boolean} blind whether what seats say is kept from whoever reads this
 */
export const board = (state, now, blind) => html`
  <section class="board" aria-label="What is happening">
    ${phases(state)}
    <ul class="seats">
      ${repeat(
        state.seats,
        (seat) => seat.name,
        (seat) => seatRow(state, seat, now, blind),
      )}
    </ul>
    <p class="totals facts">${totals(state, now).map((each) => html`<span>${each}</span>`)}</p>
  </section>
`;

/** The phases of the round that is going on. @param {State} state */
function phases(state) {
  const latest = state.phases.at(-1);
  if (!latest) return html`<p class="about">Getting ready …</p>`;
  const shown = state.phases.filter((each) => each.round === latest.round && each.scope === latest.scope);
  return html`
    <div class="round">
      <h2>${roundName(latest.scope, latest.round, state.total)}</h2>
      <ul class="phases">
        ${repeat(
          shown,
          (each) => each.place,
          (each) => html`
            <li class=${each.over ? "over" : "going"}>
              <label for="phase-${each.phase}">${each.phase}</label>
              <progress id="phase-${each.phase}" max=${Math.max(each.started, 1)} value=${each.ended}></progress>
              <span class="number">${each.ended} of ${each.started}</span>
            </li>
          `,
        )}
      </ul>
    </div>
  `;
}

/** @param {string} scope @param {number} round @param {number} total */
const roundName = (scope, round, total) =>
  `${scope ? `${scope.replace(/\/$/, "")}, ` : ""}round ${round}${total > 1 ? ` of at most ${total}` : ""}`
    .replace(/^r/, "R")
    .replace(/^c/, "C");

/** @param {string} name */
const duty = (name) => html` <span class="note">${name}</span>`;

/** @param {State} state @param {import("./fold.js").Seat} seat @param {number} now @param {boolean} blind */
function seatRow(state, seat, now, blind) {
  const calls = Object.values(state.running).filter((each) => each.seat === seat.name);
  const { mark, words } = doing(calls, state.standing[seat.name] ?? "waiting", now);
  const writing = calls.findLast((each) => each.text);
  const said = calls.length
    ? named(spoken(writing?.text ?? "").slice(-TAIL), writing?.step ?? "", state.seats)
    : state.calls.findLast((each) => each.seat === seat.name)?.brief;
  return html`
    <li class="seat ${mark}">
      <span class="dot" aria-hidden="true"></span>
      <span class="who">${model(seat.model_id)}${seat.duty === "member" ? nothing : duty(seat.duty)}</span>
      <span class="doing">${words}</span>
      ${blind ? nothing : html`<div class="tail" dir="auto">${said ? html`<p>${visible(said)}</p>` : nothing}</div>`}
    </li>
  `;
}

/**
 * @param {import("./fold.js").Running[]} calls
 * @param {import("./fold.js").Standing} standing
 * @param {number} now
 * @returns {{ mark: string, words: string }}
 */
export function doing(calls, standing, now) {
  if (!calls.length)
    return {
      mark: standing,
      words: { waiting: "waiting", answered: "answered", failed: "no usable reply", dropped: "has left the run" }[
        standing
      ],
    };
  const several = calls.length > 1 ? ` · ${calls.length} at once` : "";
  const within = calls.findLast((each) => each.phase);
  if (within) {
    const sum = calls.reduce((made, each) => made + each.calls, 0);
    return { mark: "writing", words: `${within.phase}, ${counted(sum, "call")}${several}` };
  }
  if (calls.some((each) => judging(each.text))) return { mark: "writing", words: `judging${several}` };
  const words = calls.reduce((sum, each) => sum + each.text.split(/\s+/).filter(Boolean).length, 0);
  if (words) return { mark: "writing", words: `writing${several}` };
  const waits = calls.map((each) => each.againAt).filter((at) => at !== null && at > now);
  if (waits.length === calls.length)
    return {
      mark: "retrying",
      words: `trying again in ${duration(Math.ceil(Math.min(.../** @type {number[]} */ (waits)) - now))}${several}`,
    };
  const since = Math.min(...calls.map((each) => Math.max(each.since, each.againAt ?? 0)));
  return { mark: "thinking", words: `thinking, ${duration(Math.max(Math.floor(now - since), 0))}${several}` };
}

/** @param {State} state @param {number} now */
export function totals(state, now) {
  const found = state.began === null || state.over ? [] : [duration(Math.floor(now - state.began))];
  found.push(counted(state.calls.length, "call"));
  if (state.inputTokens + state.outputTokens)
    found.push(`${short(state.inputTokens)} tokens in, ${short(state.outputTokens)} out`);
  if (state.calls.length) found.push(spent(state));
  return found;
}

/** @param {State} state */
function spent(state) {
  if (state.unpriced.length && !state.usd) return "price unknown";
  if (state.unpriced.length || (state.usd && state.wasted)) return `at least ${cost(state.usd)}`;
  return cost(state.usd, state.listUsd);
}
