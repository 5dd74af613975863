// @ts-check
/** What seats wrote beside their ballots: why they voted so, what an arbiter found, who was not asked. */
import { model, part, prose } from "./parts.js";
import { html, nothing } from "./vendor/lit-html.js";
import { counted, modelName, oneLine } from "./words.js";

/** @param {any} result as `result_json` writes it */
export const reasonsPart = (result) => [votes(result), arbitration(result)].filter((each) => each !== nothing);

/** A note beside the count: who wrote the answer, or who was not asked. @param {any} result */
export function countNote(result) {
  if (result.chair?.model_id) return `the answer was written by ${modelName(result.chair.model_id)}`;
  const spared = result.not_asked ?? [];
  return spared.length ? `not asked, as it would have changed nothing: ${spared.map(modelName).join(", ")}` : nothing;
}

/** Of `debate`: the reasons of the last votes, and of those who confirmed the merge. @param {any} result */
function votes(result) {
  const given = (result.votes ?? []).filter((/** @type {any} */ each) => each.reasoning || each.focus);
  const verdicts = result.confirm?.verdicts ?? [];
  if (!given.length && !verdicts.length) return nothing;
  return part(
    "Why they voted so",
    html`
      <ul class="plain">
        ${given.map(
          (/** @type {any} */ each) =>
            html` <li>
              ${model(each.model_id)}${each.vote === "FINALIZE" && each.endorses ? html` for ${model(each.endorses)}` : nothing}:
              <span dir="auto">${oneLine(each.focus ? `${each.focus}. ${each.reasoning}` : each.reasoning)}</span>
            </li>`,
        )}
      </ul>
      ${
        verdicts.length
          ? html`<h3>The merge ${result.synthesis?.adopted ? "was approved" : "was not adopted"}</h3>
              <ul class="plain">
                ${verdicts.map((/** @type {any} */ each) => {
                  const verdict = each.verdict === "APPROVE" ? "approves" : "rejects";
                  return html`<li>${model(each.model_id)} ${verdict}: <span dir="auto">${oneLine(each.reason)}</span></li>`;
                })}
              </ul>`
          : nothing
      }
    `,
    { open: true },
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
            Round ${each.iteration}: the arbiter's own confidence <strong class="number">${sure(each)}</strong>,
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
