// @ts-check
/** What was decided: the answer first, then how it came to that, then whoever said something else. */
import { model, part, prose } from "./parts.js";
import { html, nothing } from "./vendor/lit-html.js";
import { counted, modelName, oneLine, plainModel, score as scored, statusText } from "./words.js";

/** What a status says when something broke, not when seats disagree. */
const WRONG = new Set(["failed", "insufficient_models", "stalled", "arbiter_failed"]);

/** @param {any} result as `result_json` writes it @param {boolean} met whether the rule was met @param {any} receipt */
export function verdict(result, met, receipt) {
  const chosen = result.winner;
  const ahead = chosen ? null : leading(result);
  const panel = Array.isArray(result.panel) ? result.panel : [];
  const equal = result.status === "answered" || result.status === "partial"; // nobody was to choose
  const shown = new Set([...(equal ? result.all_answers.map((/** @type {any} */ each) => each.model_id) : []),chosen?.model_id, ahead?.model_id, ...panel.map((/** @type {any} */ each) => each.model_id)]);
  const others = result.all_answers.filter((/** @type {any} */ each) => !shown.has(each.model_id));
  return html`
    <article class="verdict" aria-labelledby="verdict-title">
      <h2 class="unseen" id="verdict-title">The answer</h2>
      ${panel.length ? panelOf(panel) : equal ? panelOf(result.all_answers) : chosen ? html`<div class="answer">${prose(chosen.answer)}</div>` : noAnswer(result, ahead)}
      <p class="outcome ${met ? "good" : WRONG.has(result.status) ? "bad" : "open"}">
        <strong>${statusText(result.status, result.final_round)}</strong
        >${result.explanation ? html`<span>: ${oneLine(result.explanation)}</span>` : nothing}
      </p>
      <p class="facts">
        ${winner(result, met)}
        ${result.degraded ? html`<span>degraded: not every seat gave what it was asked for</span>` : nothing}
      </p>
    </article>
    ${dissent(result, others, receipt)} ${losses(result)}
  `;
}

/** The answer that was ahead where none was chosen. @param {any} result */
export const leading = (result) =>
  result.all_answers.find((/** @type {any} */ each) => each.model_id === result.leader);

/** Of a brainstorm: several answers, as they are. @param {any[]} panel */
const panelOf = (panel) =>
  html`<ol class="panel">
    ${panel.map(
      (each) =>
        html` <li>
          <p class="facts">
            <span>${model(each.model_id)}</span
            >${typeof each.mean_score === "number" ? html`<span>mean score ${scored(each.mean_score)}</span>` : nothing}
          </p>
          <div class="answer">${prose(each.answer)}</div>
        </li>`,
    )}
  </ol>`;

/** @param {any} result @param {any} ahead */
function noAnswer(result, ahead) {
  if (!result.all_answers.length) return html`<p class="empty">There is no answer.</p>`;
  if (!ahead) return html`<p class="lead">No answer was chosen. All of them are below.</p>`;
  return html`<div class="answer ahead">
    <p class="note">No answer was chosen. ${modelName(ahead.model_id)} was ahead:</p>
    ${prose(ahead.answer)}
  </div>`;
}

/** @param {any} result @param {boolean} met */
function winner(result, met) {
  if (!result.winner?.model_id) return nothing;
  const own = result.all_answers.find((/** @type {any} */ each) => each.model_id === result.winner.model_id);
  const score = typeof own?.mean_score === "number" ? `, mean score ${scored(own.mean_score)}` : "";
  return html`<span>${met ? "written by" : "ahead when it ended:"} ${model(result.winner.model_id)}${score}</span>`;
}

/** @param {any} result @param {any[]} others @param {any} receipt */
function dissent(result, others, receipt) {
  const said = result.dissent ?? [];
  const arbiter = typeof result.synthesis?.dissent === "string" ? result.synthesis.dissent : "";
  const ranked = [...others].sort((a, b) => (b.mean_score ?? -1) - (a.mean_score ?? -1));
  const earlier = ledBefore(result);
  if (!ranked.length && !said.length && !arbiter && !earlier.length) return nothing;
  return html`
    <section class="dissent" aria-labelledby="dissent-title">
      <h2 id="dissent-title">
        ${receipt?.dissent.some((/** @type {any} */ each) => each.differs) || said.length || arbiter ? "Dissent" : "What the others said"}
      </h2>
      ${earlier.map((/** @type {string} */ line) => html`<p>${line}</p>`)}
      ${arbiter ? html`<div class="quote">${prose(arbiter)}</div>` : nothing}
      ${said.map(
        (/** @type {any} */ each) =>
          html`<p>
            ${model(each.model_id)} <span class="note">${modelName(each.vote)}</span>
            <span class="quoted" dir="auto">${oneLine(each.reason)}</span>
          </p>`,
      )}
      ${ranked.length && (said.length || arbiter) ? html`<h3>The other answers</h3>` : nothing}
      ${ranked.map((each) => otherAnswer(each, result, receipt))}
    </section>
  `;
}

/** @param {any} each @param {any} result @param {any} receipt */
function otherAnswer(each, result, receipt) {
  const told = receipt?.dissent.find((/** @type {any} */ one) => one.model_id === each.model_id);
  const same = result.winner && plain(each.answer) === plain(result.winner.answer);
  const how = same
    ? "word for word the same"
    : told?.differs === true
      ? "concludes something else"
      : receipt?.ahead && !told
        ? "comes to the same"
        : "";
  const score = typeof each.mean_score === "number" ? scored(each.mean_score) : "";
  return html`
    <details class="other">
      <summary>
        ${model(each.model_id)} ${score ? html`<span class="number">${score}</span>` : nothing}
        ${how ? html`<span class="note">${how}</span>` : nothing}
        <span class="said" dir="auto">${oneLine(told?.says ?? each.answer, 140)}</span>
      </summary>
      <div class="inside">${prose(each.answer)}</div>
    </details>
  `;
}

/** @param {string} text */
const plain = (text) => text.split(/\s+/).filter(Boolean).join(" ").toLowerCase();

/** Rounds that somebody else led. @param {any} result */
function ledBefore(result) {
  const winner = result.winner?.model_id;
  if (!winner) return [];
  return result.scores.flatMap((/** @type {Record<string, number>} */ scores, /** @type {number} */ index) => {
    const best = Math.max(...Object.values(scores));
    const ahead = Object.keys(scores).filter((seat) => scores[seat] === best);
    return ahead.length && !ahead.includes(winner)
      ? [`Round ${index + 1} was led by ${ahead.map(modelName).join(" and ")} (${scored(best)}).`]
      : [];
  });
}

/** Calls without a usable reply, seats that left, models that were others than those asked for. @param {any} result */
function losses(result) {
  const left = result.metadata?.models_dropped ?? [];
  /** @type {any[]} */
  const mismatches = result.seats.filter((/** @type {any} */ each) => each.mismatch && each.answered_by);
  const others = [...new Map(mismatches.map((each) => [`${each.model} ${each.answered_by}`, each])).values()]; // once
  if (!result.failures.length && !left.length && !others.length) return nothing;
  return part(
    "What went wrong",
    html`<ul class="plain">
      ${result.failures.map(
        (/** @type {any} */ each) =>
          html` <li>
            <span class="note">${each.round ? `round ${each.round} ` : ""}${each.phase}</span>
            ${model(each.model_id)}${each.target_model_id ? html` on ${model(each.target_model_id)}` : nothing}:
            ${oneLine(each.message)}
          </li>`,
      )}
      ${left.map((/** @type {string} */ each) => html`<li>${model(each)} took no part to the end.</li>`)}
      ${others.map(
        (/** @type {any} */ each) =>
          html`<li>${model(each.model)} was answered by another model: ${oneLine(plainModel(each.answered_by))}</li>`,
      )}
    </ul>`,
    { note: result.failures.length ? `${counted(result.failures.length, "call")} without a usable reply` : nothing },
  );
}
