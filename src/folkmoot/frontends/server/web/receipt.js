// @ts-check
/** The receipt: what the record says the panel was worth. And what everything cost. */
import { model, part, table } from "./parts.js";
import { html, nothing } from "./vendor/lit-html.js";
import { cost, counted, duration, modelName, oneLine, short, statusWord } from "./words.js";

/** @param {boolean | null | undefined} same */
const mark = (same) =>
  same === true
    ? html`<span class="mark-same" title="the same as the result">=</span>`
    : same === false
      ? html`<span class="mark-other" title="not the result">≠</span>`
      : html`<span class="mark-unknown" title="whether it is the same cannot be told without reading it">?</span>`;

/** @param {any} receipt */
export function receiptPart(receipt) {
  if (!receipt) return nothing;
  return part(
    "Receipt",
    html`
      <p class="about">
        <span class="mark-same">=</span> the same as the result, <span class="mark-other">≠</span> another,
        <span class="mark-unknown">?</span> cannot be told without reading both.
      </p>
      <h3>Each seat alone</h3>
      <ul class="marked">
        ${receipt.alone.map(
          (/** @type {any} */ each) =>
            html` <li>
              ${mark(each.answer === null ? null : each.same_as_result)} ${model(each.model_id)}
              <span class="said" dir="auto"
                >${each.answer === null ? "gave no first answer" : oneLine(each.conclusion ?? each.answer, 160)}</span
              >
            </li>`,
        )}
      </ul>
      <h3>A plain vote over the first answers</h3>
      <ul class="marked">
        ${plainVote(receipt)}
      </ul>
      <h3>Without one seat</h3>
      ${
        receipt.left_out.some((/** @type {any} */ each) => each.status && !each.exact)
          ? html`<p class="about">Taking the words of the others as they are, also where they had read it.</p>`
          : nothing
      }
      <ul class="marked">
        ${receipt.left_out.map(leftOut)}
      </ul>
      <h3>Independent votes</h3>
      <p>${effective(receipt.effective_votes)}</p>
      <h3>What each phase cost, and what it changed</h3>
      ${phases(receipt.phases)}
    `,
    { note: "what the panel was worth" },
  );
}

/** @param {any} receipt */
function plainVote(receipt) {
  const vote = receipt.plain_vote;
  if (vote.answer === null) return html`<li>${mark(null)} ${vote.why}</li>`;
  const said =
    receipt.alone.find((/** @type {any} */ each) => each.model_id === vote.model_id)?.conclusion ?? vote.answer;
  const tied = vote.tied ? ", tied with another; the earlier seat's counts" : "";
  return html`<li>
    ${mark(vote.same_as_result)} <span class="said" dir="auto">${oneLine(said, 160)}</span>
    <span class="note">${vote.votes} of ${counted(vote.of, "vote")}${tied}</span>
  </li>`;
}

/** @param {any} without */
function leftOut(without) {
  const who = html`without ${model(without.model_id)}`;
  if (without.flips === null)
    return html`<li>
      ${mark(null)}<span>${who}: <span class="note">${without.why}</span></span>
    </li>`;
  if (!without.flips) return html`<li>${mark(true)}<span>${who} nothing changes</span></li>`;
  return html`<li>
    ${mark(false)}<span
      >${who} <strong>the result flips</strong>:
      ${without.ahead ? html`${model(without.ahead)} leads` : "no answer leads"}
      <span class="note">(${statusWord(without.status ?? "")})</span></span
    >
  </li>`;
}

/** @param {any} found */
function effective(found) {
  if (found.votes === null || found.correlation === null) return found.why;
  const of = found.source === "scores" ? "of the judges' scores" : "of the first answers";
  return `${counted(found.of, "seat")} count as at least ${found.votes} (agreement ${of}: ${found.correlation.toFixed(2)})`;
}

/** @param {any[]} rows */
const phases = (rows) =>
  table(
    "What each phase cost",
    html`<tr>
      <th scope="col">Phase</th>
      <th scope="col" class="end">Calls</th>
      <th scope="col" class="end">Tokens</th>
      <th scope="col" class="end">Time</th>
      <th scope="col" class="end">Cost</th>
      <th scope="col">Effect</th>
    </tr>`,
    rows.map(
      (each) => html`
        <tr>
          <th scope="row">${each.scope}round ${each.round} ${each.phase}</th>
          <td class="end number">${each.calls}</td>
          <td class="end number">${short(each.usage.input_tokens)} / ${short(each.usage.output_tokens)}</td>
          <td class="end number">${duration(each.seconds)}</td>
          <td class="end number">${cost(each.usd, each.list_usd)}</td>
          <td>${effect(each)}</td>
        </tr>
      `,
    ),
  );

/** @param {any} phase */
function effect(phase) {
  if (phase.changed === true) return `another answer led${phase.ahead ? `: ${modelName(phase.ahead)}` : ""}`;
  if (phase.changed === false) return "changed nothing";
  return phase.ahead ? `${modelName(phase.ahead)} led` : "";
}

/** @param {any} result @param {any[]} seats of the run, with their roles */
export function costPart(result, seats) {
  const roles = Object.fromEntries(seats.map((/** @type {any} */ seat) => [seat.id || seat.model, seat.role]));
  return part(
    "Cost",
    table(
      "Cost of each seat",
      html`<tr>
        <th scope="col">Seat</th>
        <th scope="col" class="end">Calls</th>
        <th scope="col" class="end">In</th>
        <th scope="col" class="end">Cached</th>
        <th scope="col" class="end">Out</th>
        <th scope="col" class="end">Cost</th>
        <th scope="col">Billing</th>
      </tr>`,
      html`
        ${result.seats.map(
          (/** @type {any} */ each) => html`
            <tr>
              <th scope="row">
                ${model(each.model_id)}${roles[each.model_id] ? html` <span class="note">${oneLine(roles[each.model_id], 40)}</span>` : nothing}
              </th>
              <td class="end number">
                ${each.calls}${each.failures ? html` <span class="note">${each.failures} failed</span>` : nothing}
              </td>
              <td class="end number">${short(each.usage.input_tokens)}</td>
              <td class="end number">${short(each.usage.cached_tokens)}</td>
              <td class="end number">${short(each.usage.output_tokens)}</td>
              <td class="end number">${cost(each.cost_usd)}</td>
              <td>${each.billing ?? ""}</td>
            </tr>
          `,
        )}
        <tr class="sum">
          <th scope="row">all</th>
          <td class="end number">${result.metadata.total_calls}</td>
          <td class="end number">${short(result.usage.input_tokens)}</td>
          <td class="end number">${short(result.usage.cached_tokens)}</td>
          <td class="end number">${short(result.usage.output_tokens)}</td>
          <td class="end number">${cost(result.cost_usd, result.list_usd)}</td>
          <td></td>
        </tr>
      `,
    ),
    {
      note: [
        cost(result.cost_usd, result.list_usd),
        counted(result.metadata.total_calls, "call"),
        duration(result.metadata.elapsed_ms / 1000),
      ].join(", "),
    },
  );
}
