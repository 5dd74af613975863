// @ts-check
/** The score table over rounds, and who gave whom what. */
import { model, part, table } from "./parts.js";
import { html, nothing } from "./vendor/lit-html.js";
import { nick, score } from "./words.js";

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

/** @param {any} result @param {import("./fold.js").State} state */
export function scoresPart(result, state) {
  if (!result.scores.some((/** @type {object} */ each) => Object.keys(each).length)) return nothing;
  return part("Scores", html`${scoreTable(result.scores, result.leader)}${matrix(state)}`, { open: true });
}

/** Who gave whom what, in the last round that has such scores. @param {import("./fold.js").State} state */
function matrix(state) {
  const all = state.calls.filter(
    (each) => each.state === "answered" && each.key.length === 2 && /^\d/.test(each.brief),
  );
  if (!all.length) return nothing;
  const place = (/** @type {string} */ step) => step.slice(0, step.lastIndexOf("/"));
  const last = place(all[all.length - 1].step);
  const calls = all.filter((each) => place(each.step) === last);
  const ids = Object.fromEntries(state.seats.map((seat) => [seat.name, seat.model_id]));
  const order = state.seats.map((seat) => seat.name);
  const sorted = (/** @type {number} */ at) => order.filter((seat) => calls.some((each) => each.key[at] === seat));
  const [judges, authors] = [sorted(0), sorted(1)];
  const given = (/** @type {string} */ judge, /** @type {string} */ author) =>
    calls.find((each) => each.key[0] === judge && each.key[1] === author)?.brief.match(/^\d+(\.\d+)?/)?.[0] ?? "–";
  return html`
    <h3>Who gave whom what, ${last.replace(/^(.*\/)?r(\d+)\/.*/, "round $2")}</h3>
    ${table(
      "Who gave whom what",
      html`<tr>
        <th scope="col">Judge</th>
        ${authors.map((each) => html`<th scope="col" class="end">${nick(ids[each])}</th>`)}
      </tr>`,
      judges.map(
        (judge) => html`
          <tr>
            <th scope="row">${model(ids[judge])}</th>
            ${authors.map((author) => html`<td class="end number">${judge === author ? "·" : given(judge, author)}</td>`)}
          </tr>
        `,
      ),
    )}
  `;
}
