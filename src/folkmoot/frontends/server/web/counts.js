// @ts-check
/** The count sheets of a result: who said what of whom, the rule, and what it gives. The same for every protocol. */
import { model, part, table } from "./parts.js";
import { html, nothing } from "./vendor/lit-html.js";
import { counted, modelName, nick, oneLine } from "./words.js";

/**
 * @typedef {{ model_id: string, about: string | null, value: boolean | number | string | null, weight: number,
 *   step: string }} Ballot
 * @typedef {{ about: string | null, says: string, value: number | null, model_ids: string[],
 *   figures: Record<string, number>, chosen: boolean }} Total
 * @typedef {{ round: number, scope: string, rule: string, parameters: Record<string, unknown>, ballots: Ballot[],
 *   outcome: { totals: Total[], met: boolean | null, explanation: string } }} Count
 */

/** @param {any} result as `result_json` writes it @param {unknown} note */
export function countsPart(result, note = nothing) {
  /** @type {Count[]} */
  const counts = result.counts ?? [];
  if (!counts.length) return nothing;
  const rounds = [...new Set(counts.map(roundOf))];
  return part(
    "How it was counted",
    rounds.map(
      (round, at) =>
        html`<details class="whole" ?open=${at === rounds.length - 1}>
          <summary>${round}</summary>
          <div class="inside">${counts.filter((each) => roundOf(each) === round).map(sheet)}</div>
        </details>`,
    ),
    { open: true, note },
  );
}

/** @param {Count} count */
export const roundOf = (count) =>
  `${count.scope ? `${spaced(count.scope.replace(/\/$/, ""))}, ` : ""}round ${count.round}`.replace(/^./, (first) =>
    first.toUpperCase(),
  );

/** @param {Count} count */
function sheet(count) {
  const { totals, met, explanation } = count.outcome;
  const parameters = Object.entries(count.parameters).filter(([, value]) => value !== null);
  const title = spaced(count.rule).replace(/^./, (first) => first.toUpperCase());
  const about = [...new Set(count.ballots.map((each) => each.about).filter((each) => each !== null))];
  return html`
    <h3>${title}${count.ballots.length ? ` of ${counted(count.ballots.length, "ballot")}` : ""}</h3>
    ${parameters.length ? html`<p class="about">${parameters.map(([name, value]) => `${spaced(name)}: ${value}`).join(", ")}</p>` : nothing}
    ${count.ballots.length ? (about.length > 1 ? matrix(title, count.ballots, about) : list(title, count.ballots)) : nothing}
    ${totals.length ? totalsTable(title, totals) : nothing}
    <p class="facts">
      ${met === null ? nothing : html`<span class=${met ? "good" : "open"}>${met ? "met" : "not met"}</span>`}
      ${explanation ? html`<span>${oneLine(explanation)}</span>` : nothing}
    </p>
  `;
}

/** A row for each seat, a column for each answer. @param {string} title @param {Ballot[]} ballots @param {string[]} about */
function matrix(title, ballots, about) {
  const loose = ballots.some((each) => each.about === null); // says something, but of no answer
  const cell = (/** @type {string} */ seat, /** @type {string | null} */ of) =>
    ballots
      .filter((each) => each.model_id === seat && each.about === of)
      .map((each) => said(each.value))
      .join(", ");
  return table(
    `${title}: ballots`,
    html`<tr>
      <th scope="col">Seat</th>
      ${about.map((each) => html`<th scope="col" class="middle" title=${each}>${nick(each)}</th>`)}
      ${loose ? html`<th scope="col" class="middle">no answer</th>` : nothing}
    </tr>`,
    [...new Set(ballots.map((each) => each.model_id))].map(
      (seat) => html`
        <tr>
          <th scope="row">${model(seat)}</th>
          ${about.map((each) => html`<td class="middle number">${cell(seat, each) || "·"}</td>`)}
          ${loose ? html`<td class="middle">${cell(seat, null) || "·"}</td>` : nothing}
        </tr>
      `,
    ),
  );
}

/** @param {string} title @param {Ballot[]} ballots */
function list(title, ballots) {
  const weighed = ballots.some((each) => each.weight !== 1);
  return table(
    `${title}: ballots`,
    html`<tr>
      <th scope="col">Seat</th>
      <th scope="col">Says</th>
      ${weighed ? html`<th scope="col" class="end">Weight</th>` : nothing}
    </tr>`,
    ballots.map(
      (each) => html`
        <tr>
          <th scope="row">${model(each.model_id)}</th>
          <td dir="auto">${said(each.value)}</td>
          ${weighed ? html`<td class="end number">${short(each.weight)}</td>` : nothing}
        </tr>
      `,
    ),
  );
}

/** @param {string} title @param {Total[]} totals */
function totalsTable(title, totals) {
  const figures = [...new Set(totals.flatMap((each) => Object.keys(each.figures)))];
  const named = totals.some((each) => each.model_ids.length);
  return table(
    `${title}: totals`,
    html`<tr>
      <th scope="col">Answer</th>
      <th scope="col" class="end">Value</th>
      ${figures.map((name) => html`<th scope="col" class="end">${spaced(name)}</th>`)}
      ${named ? html`<th scope="col">By</th>` : nothing}
    </tr>`,
    totals.map(
      (each) => html`
        <tr class=${each.chosen ? "leader" : ""}>
          <th scope="row" dir="auto">
            ${each.about === null ? oneLine(each.says, 120) : model(each.about)}${
              each.chosen ? html` <span class="star" title="chosen" aria-label="chosen">★</span>` : nothing
            }
          </th>
          <td class="end number">${each.value === null ? "–" : short(each.value)}</td>
          ${figures.map((name) => html`<td class="end number">${name in each.figures ? short(each.figures[name]) : "–"}</td>`)}
          ${named ? html`<td>${each.model_ids.map(modelName).join(", ")}</td>` : nothing}
        </tr>
      `,
    ),
  );
}

/** @param {boolean | number | string | null} value */
export function said(value) {
  if (value === null) return "not counted";
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "number" ? short(value) : oneLine(value, 120);
}

/** @param {number} number */
const short = (number) => String(Math.round(number * 100) / 100);

/** @param {string} name */
const spaced = (name) => name.replaceAll(/[-_]/g, " ");
