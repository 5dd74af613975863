// @ts-check
/** One run: live while it goes on, and what came of it. */
import { actionDialog, actions, followUp, nothingDone } from "./actions.js";
import { api, follow } from "./api.js";
import { board } from "./board.js";
import { callsPart } from "./calls.js";
import { comparison, readOrigin } from "./compare.js";
import { countsPart } from "./counts.js";
import { EMPTY, fold, missed } from "./fold.js";
import { alert, model, prose } from "./parts.js";
import { countNote, reasonsPart } from "./reasons.js";
import { costPart, receiptPart } from "./receipt.js";
import { scoresPart, scoreTable } from "./scores.js";
import { html, nothing } from "./vendor/lit-html.js";
import { verdict } from "./verdict.js";
import { oneLine, statusText, when } from "./words.js";

const LONG = 400; // characters of a question that is shown in full
const clock = () => performance.now() / 1000;

/** @param {import("./app.js").Shell} shell @param {string} id @returns {import("./app.js").Page} */
export function openRun(shell, id) {
  const run = {
    id,
    state: /** @type {import("./fold.js").State} */ (EMPTY),
    detail: /** @type {any} */ (null),
    receipt: /** @type {any} */ (null),
    source: /** @type {any} */ (null),
    lost: false,
    seen: false, // whether somebody wants to see what seats say although a person has a seat
    error: /** @type {unknown} */ (null),
    doing: nothingDone(),
    calls: /** @type {import("./calls.js").Can} */ ({ sent: {}, look: () => {} }),
  };
  run.calls.look = async (step) => {
    if (step in run.calls.sent) return;
    run.calls.sent[step] = await api.call(id, step).catch((error) => error);
    shell.update();
  };
  let stop = () => {};
  let closed = false;
  const ticking = window.setInterval(() => run.detail?.state === "running" && shell.update(), 1000);

  const load = async () => {
    try {
      const detail = await api.run(id);
      if (closed) return;
      run.detail = detail;
      const from = detail.spec.forked_from;
      run.source = from ? await api.run(readOrigin(from).run).catch(() => null) : null;
      if (detail.state === "ended")
        api.receipt(id).then(
          (found) => {
            run.receipt = found;
            shell.update();
          },
          () => {},
        );
    } catch (error) {
      run.error = error;
    }
    shell.update();
  };

  const begin = async () => {
    await load();
    if (!run.detail || closed) return;
    stop = follow(id, {
      event: (event) => {
        run.state = fold(run.state, event, clock());
        announce(event);
        shell.update();
      },
      lost: () => {
        run.lost = true;
        shell.update();
      },
      back: () => {
        run.lost = false;
        run.state = missed(run.state);
        shell.update();
      },
      end: async () => {
        const live = run.detail.state === "running";
        run.lost = false;
        if (live) await load();
        if (live && run.detail?.result)
          shell.say(`${statusText(run.detail.result.status, run.detail.result.final_round)}. The answer is there.`);
        shell.update();
      },
    });
  };

  const announce = (/** @type {any} */ event) => {
    if (run.detail.state !== "running") return;
    if (event.event === "phase_started") shell.say(`Round ${event.round}: ${event.phase}`);
    if (event.event === "seat_dropped") shell.say(`A seat has left the run: ${event.reason}`);
  };

  begin();
  return {
    get title() {
      return run.detail ? oneLine(run.detail.spec.title || run.detail.spec.prompt, 60) : "Run";
    },
    view: () => page(run, shell),
    close: () => {
      closed = true;
      stop();
      window.clearInterval(ticking);
    },
  };
}

/** @param {any} run @param {import("./app.js").Shell} shell */
function page(run, shell) {
  if (!run.detail && !run.error) return html`<p class="about">Opening …</p>`;
  if (!run.detail) {
    const missing = run.error.status === 404;
    return html`<h1>${missing ? "There is no such run" : "This run cannot be shown"}</h1>
      ${alert(run.error)}`;
  }
  const { detail, state } = run;
  const going = detail.state === "running";
  const open = (/** @type {string} */ what) => (/** @type {string} */ step) => {
    Object.assign(run.doing, { open: what, step, error: null, changes: [{ key: "", value: "" }] });
    shell.update();
  };
  return html`
    ${conversation(detail.spec.history ?? [])} ${question(detail.spec)} ${alert(run.error)}
    ${run.lost ? html`<p class="problem" role="status">The connection is lost. Trying again …</p>` : nothing}
    ${
      state.notices.length
        ? html`<ul class="notices">
            ${state.notices.map((/** @type {string} */ each) => html`<li>${oneLine(each)}</li>`)}
          </ul>`
        : nothing
    }
    ${going ? live(run, shell) : detail.result ? ended(run, shell) : unfinished(run, shell)}
    ${going ? nothing : callsPart(state, { ...run.calls, fork: open("fork"), late: open("late") })}
    ${detail.result && !going ? followUp(run, shell) : nothing} ${actionDialog(run, shell)}
  `;
}

/** @param {any} spec */
function question(spec) {
  const text = spec.title || spec.prompt;
  return html`
    <header class="question">
      <h1 dir="auto">${oneLine(text, LONG)}</h1>
      ${
        text.length > LONG || text.includes("\n")
          ? html`<details class="whole">
              <summary>The whole question</summary>
              <div class="inside">${prose(text)}</div>
            </details>`
          : nothing
      }
      <p class="facts">
        <span>${spec.protocol}</span><time datetime=${spec.created}>${when(spec.created)}</time>
        ${spec.forked_from ? origin(spec.forked_from) : nothing}
      </p>
    </header>
  `;
}

/** @param {string} from */
const origin = (from) =>
  html`<span>a fork of <a href="#/runs/${encodeURIComponent(readOrigin(from).run)}">another run</a></span>`;

/** @param {{ role: string, text: string }[]} turns */
const conversation = (turns) =>
  turns.length
    ? html`<details class="whole conversation">
        <summary>Earlier in this conversation</summary>
        <div class="inside">${turns.map((turn) => html`<div class="turn ${turn.role}">${prose(turn.text)}</div>`)}</div>
      </details>`
    : nothing;

/** @param {any} run @param {import("./app.js").Shell} shell */
function live(run, shell) {
  const { state } = run;
  const cancel = async () => {
    try {
      await api.cancel(run.id);
    } catch (error) {
      run.error = error;
    }
    shell.update();
  };
  const ids = Object.fromEntries(state.seats.map((/** @type {any} */ seat) => [seat.name, seat.model_id]));
  const scores = (state.outcome?.scores ?? []).filter((/** @type {object} */ each) => Object.keys(each).length);
  // A person who has a seat should judge what the others say as their models do: when asked to.
  const blind = !run.seen && state.seats.some((/** @type {any} */ seat) => seat.model_id.startsWith("human/"));
  return html`
    ${board(state, clock(), blind)} ${blind ? curtain(run, shell) : nothing}
    ${
      scores.length && !blind
        ? html`<section class="standing">
            <h2>Scores so far</h2>
            ${scoreTable(scores, state.outcome.leader, ids)}
          </section>`
        : nothing
    }
    <p class="buttons"><button type="button" @click=${cancel}>Cancel</button></p>
    ${blind ? nothing : callsPart(state, run.calls)}
  `;
}

/** @param {any} run @param {import("./app.js").Shell} shell */
const curtain = (run, shell) => html`
  <p class="about">
    A person has a seat, so what the seats say is shown at the end.
    <button
      type="button"
      class="link"
      @click=${() => {
        run.seen = true;
        shell.update();
      }}
    >
      Show it all the same
    </button>
  </p>
`;

/** @param {any} run @param {import("./app.js").Shell} shell */
function ended(run, shell) {
  const { detail, state, receipt } = run;
  return html`
    ${verdict(detail.result, Boolean(state.outcome?.met), receipt)}
    ${run.source ? comparison(run.source, detail) : nothing} ${scoresPart(detail.result)}
    ${countsPart(detail.result, countNote(detail.result))} ${reasonsPart(detail.result)} ${receiptPart(receipt)} ${costPart(detail.result, detail.spec.seats)} ${actions(run, shell)}
  `;
}

/** @param {any} run @param {import("./app.js").Shell} shell */
const unfinished = (run, shell) => html`
  <p class="outcome open"><strong>${statusText("unfinished", run.state.round)}</strong></p>
  ${soFar(run.state)} ${actions(run, shell)}
`;

/** What seats have answered in a run that has no result. @param {import("./fold.js").State} state */
function soFar(state) {
  const answers = state.outcome?.answers ?? [];
  if (!answers.length) return nothing;
  const ids = Object.fromEntries(state.seats.map((seat) => [seat.name, seat.model_id]));
  return html`
    <section class="dissent" aria-labelledby="so-far">
      <h2 id="so-far">Answers so far</h2>
      ${answers.map(
        (/** @type {any} */ each) => html`
          <details class="other">
            <summary>${model(ids[each.seat])}<span class="said" dir="auto">${oneLine(each.answer, 140)}</span></summary>
            <div class="inside">${prose(each.answer)}</div>
          </details>
        `,
      )}
    </section>
  `;
}
