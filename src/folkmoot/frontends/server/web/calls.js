// @ts-check
/** Every call of a run, with what the seat wrote, letter by letter. */
import { readStep } from "./fold.js";
import { model, part, raw } from "./parts.js";
import { html, nothing, repeat } from "./vendor/lit-html.js";
import { counted, duration, oneLine } from "./words.js";

/**
 * @param {import("./fold.js").State} state
 * @param {{ fork: (step: string) => void, late: (step: string) => void } | null} can what can be done with a call
 */
export function callsPart(state, can) {
  const ids = Object.fromEntries(state.seats.map((seat) => [seat.name, seat.model_id]));
  /** @type {Map<string, import("./fold.js").Call[]>} */
  const phases = new Map();
  for (const call of state.calls) {
    const { scope, round, phase } = readStep(call.step);
    const title = `${scope}${round ? `round ${round} ` : ""}${phase}`;
    phases.set(title, [...(phases.get(title) ?? []), call]);
  }
  return part(
    "Every call",
    html`${[...phases].map(
      ([title, calls]) => html`
        <h3>${title}</h3>
        <ul class="calls">
          ${repeat(
            calls,
            (call) => call.step,
            (call) => callLine(call, ids, can),
          )}
        </ul>
      `,
    )}`,
    { note: counted(state.calls.length, "call"), id: "calls" },
  );
}

/** @param {import("./fold.js").Call} call @param {Record<string, string>} ids @param {any} can */
function callLine(call, ids, can) {
  const [, about] = call.key;
  const failed = call.state === "failed";
  const person = ids[call.seat]?.startsWith("human/");
  return html`
    <li>
      <details>
        <summary>
          ${model(ids[call.seat])}${about ? html` <span class="note">on</span> ${model(ids[about] ?? about)}` : nothing}
          <span class="said ${failed ? "bad" : ""}" dir="auto"
            >${failed ? oneLine(call.message, 160) : oneLine(call.brief, 160)}</span
          >
        </summary>
        <div class="inside">
          <p class="facts">
            <span><code>${call.step}</code></span>
            ${call.seconds === null ? nothing : html`<span>${duration(call.seconds)}</span>`}
            ${call.usage ? html`<span>${call.usage.input_tokens} tokens in, ${call.usage.output_tokens} out</span>` : nothing}
            ${call.repaired ? html`<span>asked again, as the first reply could not be read</span>` : nothing}
            ${call.attempts > 1 && !call.repaired ? html`<span>${call.attempts} attempts</span>` : nothing}
            ${failed ? html`<span class="bad">${call.kind}</span>` : nothing}
          </p>
          ${failed ? html`<p class="bad">${call.message}</p>` : raw(call.text)}
          ${
            can
              ? html`<p class="buttons">
                  <button type="button" @click=${() => can.fork(call.step)}>Fork here</button>
                  ${failed && person ? html`<button type="button" @click=${() => can.late(call.step)}>Answer late</button>` : nothing}
                </p>`
              : nothing
          }
        </div>
      </details>
    </li>
  `;
}
