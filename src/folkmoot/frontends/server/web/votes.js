// @ts-check
/** Who stood by whom: ballots, endorsements, rankings, groups of equal answers, an arbiter's rulings. */
import { model, part, prose, table } from "./parts.js";
import { html, nothing } from "./vendor/lit-html.js";
import { counted, modelName, nick, oneLine } from "./words.js";

/** @param {any} result as `result_json` writes it */
export function votesPart(result) {
  const found = [groups(result), ballots(result), rankings(result), arbitration(result), disputed(result)];
  return found.filter((each) => each !== nothing);
}

/** Of `ask` and `vote`: answers that come to the same. @param {any} result */
function groups(result) {
  if (!result.groups?.length) return nothing;
  const most = Math.max(...result.groups.map((/** @type {any} */ each) => each.votes), 1);
  return part(
    "Votes",
    html`
      <ul class="groups">
        ${result.groups.map(
          (/** @type {any} */ each) => html`
            <li>
              <span class="said" dir="auto">${oneLine(each.answer, 120)}</span>
              <meter min="0" max=${most} value=${each.votes} aria-label="votes"></meter>
              <span class="number">${each.votes}</span>
              <span class="whose">${each.models.map((/** @type {string} */ id) => model(id))}</span>
            </li>
          `,
        )}
      </ul>
      ${notAsked(result.not_asked ?? [])}
    `,
    { open: true },
  );
}

/** @param {string[]} ids */
const notAsked = (ids) =>
  ids.length
    ? html`<p class="about">Not asked, as it would have changed nothing: ${ids.map(modelName).join(", ")}</p>`
    : nothing;

/** @param {string} id whom the vote endorses */
const endorsing = (id) => html`<span class="star" title="endorses" aria-label="endorses ${modelName(id)}">●</span>`;

/** Of `debate`: who endorsed whom. @param {any} result */
function ballots(result) {
  if (!result.votes?.length) return nothing;
  const seats = [
    ...new Set(result.votes.flatMap((/** @type {any} */ each) => [each.model_id, each.endorses]).filter(Boolean)),
  ];
  const counts = result.tally ?? {};
  return part(
    "Who endorsed whom",
    html`
      ${table(
        "Who endorsed whom",
        html`<tr>
          <th scope="col">Voter</th>
          <th scope="col">Vote</th>
          ${seats.map((/** @type {any} */ each) => html`<th scope="col" class="middle" title=${each}>${nick(each)}</th>`)}
        </tr>`,
        result.votes.map(
          (/** @type {any} */ vote) => html`
            <tr>
              <th scope="row">${model(vote.model_id)}</th>
              <td>${vote.vote}</td>
              ${seats.map((/** @type {any} */ each) => html`<td class="middle">${vote.endorses === each ? endorsing(each) : ""}</td>`)}
            </tr>
          `,
        ),
      )}
      <ul class="plain">
        ${result.votes
          .filter((/** @type {any} */ each) => each.reasoning || each.focus)
          .map(
            (/** @type {any} */ each) =>
              html` <li>
                ${model(each.model_id)}${each.vote === "FINALIZE" && each.endorses ? html` for ${model(each.endorses)}` : nothing}:
                <span dir="auto">${oneLine(each.focus ? `${each.focus}. ${each.reasoning}` : each.reasoning)}</span>
              </li>`,
          )}
      </ul>
      ${
        result.rounds?.length > 1
          ? html`<h3>Round by round</h3>
              <ul class="plain">
                ${result.rounds.map(
                  (/** @type {any} */ each) =>
                    html` <li>
                      Round ${each.round}: ${each.voted} of ${each.invited} voted: ${each.FINALIZE} finalize,
                      ${each.REVISE} revise, ${each.SPLIT} split
                    </li>`,
                )}
              </ul>`
          : nothing
      }
      ${borda(result)} ${confirm(result)}
    `,
    {
      open: true,
      note: counts.invited ? `${counts.voted} of ${counts.invited} voted, ${counts.majority} are a majority` : nothing,
    },
  );
}

/** @param {any} result */
function borda(result) {
  const points = Object.entries(result.borda ?? {});
  if (!points.length) return nothing;
  return html`<p class="about">
    Places given to the others' answers, as Borda points:
    ${points.map(([id, each]) => `${modelName(id)} ${each}`).join(", ")}
  </p>`;
}

/** @param {any} result */
function confirm(result) {
  const told = result.confirm;
  if (!told?.verdicts?.length) return nothing;
  return html`
    <h3>The merge ${result.synthesis?.adopted ? "was approved" : "was not adopted"}</h3>
    <ul class="plain">
      ${told.verdicts.map((/** @type {any} */ each) => {
        const said = each.verdict === "APPROVE" ? "approves" : "rejects";
        return html`<li>${model(each.model_id)} ${said}: <span dir="auto">${oneLine(each.reason)}</span></li>`;
      })}
    </ul>
  `;
}

/** Of `council`: the place that each judge gave to each answer. @param {any} result */
function rankings(result) {
  if (!result.rankings?.length) return nothing;
  const rows = result.aggregate_rankings ?? [];
  const seats = rows.map((/** @type {any} */ each) => each.model_id);
  return part(
    "Who ranked whom",
    table(
      "Who ranked whom",
      html`<tr>
        <th scope="col">Judge</th>
        ${seats.map((/** @type {string} */ each) => html`<th scope="col" class="middle" title=${each}>${nick(each)}</th>`)}
      </tr>`,
      html`
        ${result.rankings.map(
          (/** @type {any} */ each) => html`
            <tr>
              <th scope="row">${model(each.model_id)}</th>
              ${seats.map((/** @type {string} */ seat) => html`<td class="middle number">${each.ranking.indexOf(seat) + 1 || "·"}</td>`)}
            </tr>
          `,
        )}
        <tr class="leader">
          <th scope="row">mean place</th>
          ${rows.map((/** @type {any} */ each) => html`<td class="middle number">${each.average_rank?.toFixed(2) ?? "–"}</td>`)}
        </tr>
      `,
    ),
    {
      open: true,
      note: result.chair?.model_id ? `the answer was written by ${modelName(result.chair.model_id)}` : nothing,
    },
  );
}

/** Of `consortium`: how sure the arbiter was. @param {any} result */
function arbitration(result) {
  if (!result.iterations?.length) return nothing;
  const sure = (/** @type {any} */ each) =>
    typeof each.synthesis?.confidence === "number" ? each.synthesis.confidence.toFixed(2) : "–";
  return part(
    "The arbiter",
    html`<ol class="plain">
      ${result.iterations.map(
        (/** @type {any} */ each) => html`
          <li>
            Round ${each.iteration}: confidence <strong class="number">${sure(each)}</strong>,
            ${counted(each.model_responses.length, "answer")} read
            ${each.synthesis?.analysis ? html`<div class="quote">${prose(each.synthesis.analysis)}</div>` : nothing}
            ${each.synthesis?.dissent ? html`<p class="about">Dissent: ${oneLine(each.synthesis.dissent)}</p>` : nothing}
          </li>
        `,
      )}
    </ol>`,
    { open: true, note: `the last was ${sure(result.iterations.at(-1))} sure` },
  );
}

/** Of `brainstorm`: the panel of answers and how far their judges differ. @param {any} result */
function disputed(result) {
  if (!Array.isArray(result.panel) || !result.panel.length) return nothing;
  const number = (/** @type {unknown} */ value) => (typeof value === "number" ? value.toFixed(2) : "–");
  return part(
    "The panel of answers",
    table(
      "The panel of answers",
      html`<tr>
        <th scope="col">Answer by</th>
        <th scope="col" class="end">Mean</th>
        <th scope="col" class="end">Spread</th>
        <th scope="col" class="end">Controversy</th>
      </tr>`,
      result.panel.map(
        (/** @type {any} */ each) => html`
          <tr>
            <th scope="row">${model(each.model_id)}</th>
            <td class="end number">${number(each.mean_score)}</td>
            <td class="end number">${number(each.stddev)}</td>
            <td class="end number">${number(each.controversy_score)}</td>
          </tr>
        `,
      ),
    ),
    { open: true },
  );
}
