// @ts-check
/** A fork beside the run it came from: what the change did to the verdict. */
import { diff } from "./diff.js";
import { model, table } from "./parts.js";
import { html, nothing } from "./vendor/lit-html.js";
import { leading } from "./verdict.js";
import { modelName, oneLine, score, statusText } from "./words.js";

/** What a fork says of where it comes from: RUN or RUN@STEP. @param {string} from */
export function readOrigin(from) {
  const [run, step] = from.split("@");
  return { run, step: step ?? "" };
}

/**
 * @param {any} source the run it came from, as the server tells it
 * @param {any} forked
 */
export function comparison(source, forked) {
  const { run, step } = readOrigin(forked.spec.forked_from);
  const [before, after] = [source.result, forked.result];
  return html`
    <section class="comparison" aria-labelledby="comparison-title">
      <h2 id="comparison-title">What the fork changed</h2>
      <p class="facts">
        <span>forked from <a href="#/runs/${encodeURIComponent(run)}">${oneLine(run, 60)}</a></span
        >${step ? html`<span>at <code>${step}</code></span>` : nothing}
      </p>
      ${changes(source.spec, forked.spec)}
      ${!before || !after ? html`<p class="about">The verdicts can be compared when both runs have ended.</p>` : verdicts(before, after)}
    </section>
  `;
}

/** @param {any} before @param {any} after */
function verdicts(before, after) {
  const says = (/** @type {any} */ result) => statusText(result.status, result.final_round);
  const who = (/** @type {any} */ result) => result.winner?.model_id ?? result.leader;
  const name = (/** @type {any} */ result) => (who(result) ? model(who(result)) : "nobody");
  const [one, other] = [before, after].map((each) => each.winner?.answer ?? leading(each)?.answer ?? "");
  const row = (
    /** @type {string} */ name,
    /** @type {unknown} */ was,
    /** @type {unknown} */ is,
    /** @type {boolean} */ same,
  ) =>
    html` <tr class=${same ? "" : "differs"}>
      <th scope="row">${name}</th>
      <td>${was}</td>
      <td>${is}</td>
    </tr>`;
  const means = (/** @type {any} */ result) =>
    Object.fromEntries(result.all_answers.map((/** @type {any} */ each) => [each.model_id, each.mean_score]));
  const [was, is] = [means(before), means(after)];
  const scored = [...new Set([...Object.keys(was), ...Object.keys(is)])].filter(
    (id) => typeof was[id] === "number" || typeof is[id] === "number",
  );
  const number = (/** @type {unknown} */ value) => (typeof value === "number" ? score(value) : "–");
  return html`
    ${table(
      "Verdicts compared",
      html`<tr>
        <td></td>
        <th scope="col">Before</th>
        <th scope="col">Fork</th>
      </tr>`,
      html`
        ${row("status", says(before), says(after), before.status === after.status)}
        ${row("ahead", name(before), name(after), who(before) === who(after))}
        ${scored.map((id) => row(`score of ${modelName(id)}`, number(was[id]), number(is[id]), was[id] === is[id]))}
      `,
    )}
    ${
      one === other
        ? html`<p>${one ? "The answer is the same, word for word." : "Neither has an answer."}</p>`
        : html`<h3>${before.winner && after.winner ? "The answer" : "The answer that is ahead"}, word by word</h3>
            <p class="diff" dir="auto">${diff(one, other).map((piece) => piecesOf(piece))}</p>`
    }
  `;
}

/** @param {import("./diff.js").Piece} piece */
const piecesOf = (piece) =>
  piece.kind === "same"
    ? piece.text
    : piece.kind === "added"
      ? html`<ins>${piece.text}</ins>`
      : html`<del>${piece.text}</del>`;

/** What was asked otherwise. @param {any} before @param {any} after */
function changes(before, after) {
  /** @type {[string, string, string][]} */
  const found = [];
  const note = (/** @type {string} */ name, /** @type {unknown} */ was, /** @type {unknown} */ is) => {
    if (JSON.stringify(was) !== JSON.stringify(is)) found.push([name, shown(was), shown(is)]);
  };
  note("question", before.prompt, after.prompt);
  note("seed", before.seed ?? 0, after.seed ?? 0);
  for (const [group, title] of [
    ["options", ""],
    ["limits", "limit "],
  ]) {
    const [was, is] = [before[group] ?? {}, after[group] ?? {}];
    for (const name of new Set([...Object.keys(was), ...Object.keys(is)]))
      note(`${title}${name}`, was[name] ?? null, is[name] ?? null);
  }
  (after.seats ?? []).forEach((/** @type {any} */ seat, /** @type {number} */ index) => {
    for (const name of Object.keys(seat).filter((each) => each !== "id"))
      note(`seat ${index + 1} ${name}`, before.seats?.[index]?.[name] ?? null, seat[name]);
  });
  if (!found.length) return nothing;
  return html`<ul class="plain">
    ${found.map(([name, was, is]) => html`<li><strong>${name}</strong>: <del dir="auto">${was}</del> → <ins dir="auto">${is}</ins></li>`)}
  </ul>`;
}

/** @param {unknown} value */
const shown = (value) =>
  value === null || value === undefined
    ? "not set"
    : oneLine(typeof value === "string" ? value : JSON.stringify(value), 120);
