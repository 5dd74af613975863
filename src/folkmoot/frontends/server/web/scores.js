// @ts-check
/** The score table over rounds. */
import { model, part, table } from "./parts.js";
import { html, nothing } from "./vendor/lit-html.js";
import { score } from "./words.js";

/**
 * One row per seat, the highest latest score first, with a star on the leader; a column per round.
 * @param {Record<string, number>[]} rounds seat -> mean
 * @param {string | null} leader
 * @param {Record<string, string>} ids seat -> model id; a seat that is not there is a model id itself
 */
export function scoreTable(rounds, leader, ids = {}) {
  const seats = [...new Set(rounds.flatMap((scores) => Object.keys(scores)))];
  if (!seats.length) return nothing;
  const last = rounds[rounds.length - 1];
  const id = (/** @type {string} */ seat) => ids[seat] ?? seat;
  seats.sort((a, b) => (last[b] ?? 0) - (last[a] ?? 0) || id(a).localeCompare(id(b)));
  return table(
    "Scores over rounds",
    html`<tr>
      <th scope="col">Seat</th>
      ${rounds.map((_, index) => html`<th scope="col" class="end">R${index + 1}</th>`)}
    </tr>`,
    seats.map(
      (seat) => html`
        <tr class=${seat === leader ? "leader" : ""}>
          <th scope="row">
            ${model(id(seat))}${seat === leader ? html` <span class="star" title="leads" aria-label="leads">★</span>` : nothing}
          </th>
          ${rounds.map((scores) => html`<td class="end number">${seat in scores ? score(scores[seat]) : "–"}</td>`)}
        </tr>
      `,
    ),
  );
}

/** @param {any} result as `result_json` writes it */
export function scoresPart(result) {
  if (!result.scores.some((/** @type {object} */ each) => Object.keys(each).length)) return nothing;
  return part("Scores", scoreTable(result.scores, result.leader), { open: true });
}
