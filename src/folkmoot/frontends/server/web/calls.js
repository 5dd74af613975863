// @ts-check
/** Every call of a run, with what the seat wrote, letter by letter. */
import { readStep } from "./fold.js";
import { alert, model, part, raw } from "./parts.js";
import { named } from "./spoken.js";
import { html, nothing, repeat } from "./vendor/lit-html.js";
import { counted, duration, oneLine } from "./words.js";

/**
 * What can be done with a call: look at what was sent, which `sent` holds once it was fetched; and when the run has
 * ended, fork it there, or answer late.
 * @typedef {{ look: (step: string) => void, sent: Record<string, any[] | Error>, fork?: (step: string) => void,
 *   late?: (step: string) => void }} Can
 */

/** @param {import("./fold.js").State} state @param {Can} can */
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
            (call) => callLine(call, ids, state.seats, can),
          )}
        </ul>
      `,
    )}`,
    { note: counted(state.calls.length, "call"), id: "calls" },
  );
}

/**
 * @param {import("./fold.js").Call} call
 * @param {Record<string, string>} ids
 * @param {import("./fold.js").Seat[]} seats
 * @param {Can} can
 */
function callLine(call, ids, seats, can) {
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
          ${failed ? html`<p class="bad">${call.message}</p>` : raw(named(call.text, call.step, seats))}
          <details class="whole" @toggle=${() => can.look(call.step)}>
            <summary aria-label="What it was sent in ${call.step}">What it was sent</summary>
            <div class="inside">${sentView(can.sent[call.step])}</div>
          </details>
          ${
            can.fork
              ? html`<p class="buttons">
                  <button type="button" aria-label="Fork here, before ${call.step}" @click=${() => can.fork?.(call.step)}>
                    Fork here
                  </button>
                  ${failed && person ? html`<button type="button" @click=${() => can.late?.(call.step)}>Answer late</button>` : nothing}
                </p>`
              : nothing
          }
        </div>
      </details>
    </li>
  `;
}

/** The texts of a call; those of both where it was asked again. @param {any[] | Error | undefined} found */
function sentView(found) {
  if (!Array.isArray(found)) return found ? alert(found) : html`<p class="about">Fetching …</p>`;
  return found.map((each) =>
    each.sent.length
      ? each.sent.map(
          (/** @type {any} */ turn) => html`<h4>${turn.role}</h4>
            ${raw(turn.text)}`,
        )
      : html`<p class="about">The reply was taken over from a run that is gone, and with it what was sent.</p>`,
  );
}
