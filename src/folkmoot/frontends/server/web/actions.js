// @ts-check
/** What can be done with a run: go on, fork, export, delete, ask on. */
import { api } from "./api.js";
import { entered, fit } from "./ask.js";
import { alert } from "./parts.js";
import { html, nothing, ref } from "./vendor/lit-html.js";
import { modelName } from "./words.js";

/**
 * @typedef {{ key: string, value: string }} Change
 * @typedef {{ open: "" | "resume" | "delete" | "fork" | "late" | "mark", step: string, error: unknown, busy: boolean,
 *   changes: Change[], followUp: string }} Doing
 */

/** @returns {Doing} */
export const nothingDone = () => ({
  open: "",
  step: "",
  error: null,
  busy: false,
  changes: [{ key: "", value: "" }],
  followUp: "",
});

/**
 * @param {any} run what `openRun` keeps
 * @param {import("./app.js").Shell} shell
 */
export function actions(run, shell) {
  const { doing, id } = run;
  const show = (/** @type {Doing["open"]} */ what, step = "") => {
    Object.assign(doing, { open: what, step, error: null, changes: [{ key: "", value: "" }] });
    shell.update();
  };
  return html`
    <div class="buttons actions" role="group" aria-label="What to do with this run">
      <button type="button" @click=${() => show("resume")}>Resume</button>
      <button type="button" @click=${() => show("fork")}>Fork</button>
      <button type="button" @click=${() => show("mark")}>${run.detail?.mark ? `Marked ${run.detail.mark.verdict}` : "Was it right?"}</button>
      <span class="export"
        >Export
        <a href=${api.exportPath(id, "html")} aria-label="Export as HTML" download>HTML</a>
        <a href=${api.exportPath(id, "markdown")} aria-label="Export as Markdown" download>Markdown</a>
        <a href=${api.exportPath(id, "json")} aria-label="Export as JSON" download>JSON</a>
      </span>
      <button type="button" class="quiet danger" @click=${() => show("delete")}>Delete</button>
    </div>
  `;
}

/** @typedef {{ title: string, button: string, body: unknown, danger?: boolean, act: (data: FormData) => Promise<void> }} Form */

/** The dialog that is open, if any. @param {any} run @param {import("./app.js").Shell} shell */
export function actionDialog(run, shell) {
  const { doing } = run;
  const close = () => {
    doing.open = "";
    shell.update();
  };
  const attempt = async (/** @type {Event} */ event, /** @type {(data: FormData) => Promise<void>} */ act) => {
    event.preventDefault();
    if (doing.busy) return;
    doing.busy = true;
    doing.error = null;
    shell.update();
    try {
      await act(new FormData(/** @type {HTMLFormElement} */ (event.target)));
      doing.open = "";
    } catch (error) {
      doing.error = error;
    }
    doing.busy = false;
    shell.update();
  };
  /** @type {Record<Doing["open"], (run: any, shell: import("./app.js").Shell) => Form | null>} */
  const forms = { "": () => null, resume: resumeForm, fork: forkForm, delete: deleteForm, late: lateForm, mark: markForm };
  const form = forms[/** @type {Doing["open"]} */ (doing.open)](run, shell);
  if (!form) return nothing;
  return html`
    <dialog class="do" aria-labelledby="do-title" ${ref(modal)} @close=${close}>
      <form @submit=${(/** @type {Event} */ event) => attempt(event, form.act)}>
        <h2 id="do-title">${form.title}</h2>
        ${form.body} ${alert(doing.error)}
        <p class="buttons">
          <button class=${form.danger ? "main danger" : "main"} ?disabled=${doing.busy}>${form.button}</button>
          <button type="button" @click=${close}>Not now</button>
        </p>
      </form>
    </dialog>
  `;
}

/** @param {Element | undefined} dialog */
function modal(dialog) {
  if (dialog instanceof HTMLDialogElement && !dialog.open)
    queueMicrotask(() => dialog.isConnected && !dialog.open && dialog.showModal());
}

/** @param {any} run @param {import("./app.js").Shell} shell */
function resumeForm(run, shell) {
  const { spec, result } = run.detail;
  const rounds = "rounds" in (run.state.options ?? {}) ? run.state.options.rounds : null;
  const limits = spec.limits ?? {};
  const wants = { max_rounds_exceeded: "rounds", over_budget: "budget", max_calls: "max_calls" }[
    /** @type {string} */ (result?.status)
  ];
  const more = result?.status === "max_rounds_exceeded" && typeof rounds === "number" ? rounds + 3 : "";
  return {
    title: "Resume",
    button: "Go on",
    body: html`
      <p class="about">What the run has is not asked again. Leave a field empty to keep what it was.</p>
      ${
        rounds === null
          ? nothing
          : html` <label for="do-rounds">Rounds</label>
              <input
                id="do-rounds"
                name="rounds"
                type="number"
                min="1"
                placeholder=${String(rounds)}
                value=${more}
                ?autofocus=${wants === "rounds"}
              />`
      }
      <label for="do-budget">Budget in US dollars</label>
      <input
        id="do-budget"
        name="budget"
        type="number"
        min="0"
        step="any"
        placeholder=${limits.budget ?? "no limit"}
        ?autofocus=${wants === "budget"}
      />
      <label for="do-calls">Most calls</label>
      <input
        id="do-calls"
        name="max_calls"
        type="number"
        min="1"
        placeholder=${limits.max_calls ?? "no limit"}
        ?autofocus=${wants === "max_calls"}
      />
      <label class="check"
        ><input type="checkbox" name="retry_failed" ?checked=${Boolean(result?.failures.length)} /> Ask again where a
        call failed</label
      >
    `,
    act: async (/** @type {FormData} */ data) => {
      const number = (/** @type {string} */ name) => (data.get(name) ? { [name]: Number(data.get(name)) } : {});
      await api.resume(run.id, {
        options: number("rounds"),
        limits: { ...number("budget"), ...number("max_calls") },
        retry_failed: data.get("retry_failed") !== null,
      });
      shell.go(`#/runs/${encodeURIComponent(run.id)}`);
    },
  };
}

/** @param {any} run @param {import("./app.js").Shell} shell */
function forkForm(run, shell) {
  const { doing } = run;
  const keys = changeable(run);
  const write = (/** @type {number} */ index, /** @type {object} */ what) => {
    doing.changes[index] = { ...doing.changes[index], ...what };
    shell.update();
  };
  const choose = (/** @type {number} */ index, /** @type {string} */ key) =>
    write(index, { key, value: keys.find((each) => each[0] === key)?.[2] ?? "" });
  return {
    title: doing.step ? "Fork here" : "Fork",
    button: "Fork",
    body: html`
      <p class="about">
        ${
          doing.step
            ? html`A new run that keeps what came before <code>${doing.step}</code>, and asks again from there.`
            : "A new run that keeps what still fits, and asks the rest again."
        }
      </p>
      ${doing.changes.map(
        (/** @type {any} */ each, /** @type {number} */ index) => html`
          <div class="change">
            <label for="change-${index}">What changes</label>
            <select id="change-${index}" @change=${(/** @type {any} */ event) => choose(index, event.target.value)}>
              <option value="">nothing</option>
              ${keys.map(([key, title]) => html`<option value=${key} ?selected=${key === each.key}>${title}</option>`)}
            </select>
            ${
              each.key
                ? html` <label for="value-${index}">To</label>
                    <textarea
                      id="value-${index}"
                      rows=${each.key === "prompt" ? 3 : 1}
                      .value=${each.value}
                      @input=${(/** @type {any} */ event) => write(index, { value: event.target.value })}
                    ></textarea>`
                : nothing
            }
          </div>
        `,
      )}
      <p>
        <button
          type="button"
          class="quiet"
          @click=${() => {
            doing.changes.push({ key: "", value: "" });
            shell.update();
          }}
        >
          Change something else too
        </button>
      </p>
    `,
    act: async () => {
      const set = Object.fromEntries(
        doing.changes
          .filter((/** @type {any} */ each) => each.key)
          .map((/** @type {any} */ each) => [each.key, each.value === "" && each.key !== "prompt" ? null : each.value]),
      );
      const { id } = await api.fork(run.id, { ...(doing.step ? { step: doing.step } : {}), set });
      shell.go(`#/runs/${encodeURIComponent(id)}`);
    },
  };
}

/** What a fork can change: key, title, value as it is. @param {any} run @returns {[string, string, string][]} */
function changeable(run) {
  const text = (/** @type {unknown} */ value) =>
    value === null || value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value);
  const { spec } = run.detail;
  return [
    ["prompt", "the question", spec.title || spec.prompt],
    ...Object.entries(run.state.options ?? {}).map(
      ([name, value]) =>
        /** @type {[string, string, string]} */ ([name, `option ${name.replaceAll("_", " ")}`, text(value)]),
    ),
    ...spec.seats.flatMap((/** @type {any} */ seat, /** @type {number} */ index) => [
      [`seats.${index + 1}.model`, `model of seat ${index + 1}, ${modelName(seat.id || seat.model)}`, seat.model],
      [`seats.${index + 1}.role`, `role of seat ${index + 1}`, seat.role ?? ""],
    ]),
    ["seed", "seed", text(spec.seed ?? 0)],
    ["limits.budget", "budget", text(spec.limits?.budget)],
  ];
}

/** @param {any} run @param {import("./app.js").Shell} shell */
const deleteForm = (run, shell) => ({
  title: "Delete this run?",
  button: "Delete",
  danger: true,
  body: html`<p>Its folder, with every reply, is removed from the disk. This cannot be undone.</p>`,
  act: async () => {
    await api.remove(run.id);
    shell.go("#/runs");
  },
});

/** @param {any} run @param {import("./app.js").Shell} shell */
const lateForm = (run, shell) => ({
  title: "Answer late",
  button: "Answer in a fork",
  body: html`
    <p class="about">
      The verdict of this run stands. Your answer to <code>${run.doing.step}</code> opens a fork: the same run, as it
      would have gone.
    </p>
    <label for="do-late">Your answer</label>
    <textarea id="do-late" name="text" rows="5" required autofocus></textarea>
  `,
  act: async (/** @type {FormData} */ data) => {
    const { id } = await api.late(run.id, run.doing.step, String(data.get("text")));
    shell.go(`#/runs/${encodeURIComponent(id)}`);
  },
});

/** @param {any} run @param {import("./app.js").Shell} shell */
const markForm = (run, shell) => ({
  title: "Was the answer right?",
  button: "Keep",
  body: html`
    <p class="about">The verdict of this run stands. Evaluations learn from what you say here.</p>
    <label for="do-verdict">The answer is</label>
    <select id="do-verdict" name="verdict" autofocus>
      ${["right", "wrong", "partly"].map(
        (each) =>
          html`<option value=${each} ?selected=${each === run.detail.mark?.verdict}>
            ${each === "partly" ? "partly right" : each}
          </option>`,
      )}
    </select>
    <label for="do-answer">The right answer, if you know it</label>
    <input id="do-answer" name="answer" value=${run.detail.mark?.answer ?? ""} />
    <label for="do-note">How you know</label>
    <input id="do-note" name="note" value=${run.detail.mark?.note ?? ""} />
  `,
  act: async (/** @type {FormData} */ data) => {
    run.detail.mark = await api.mark(run.id, Object.fromEntries(data));
    shell.update();
  },
});

/** The next question of the same conversation, to the same seats. @param {any} run @param {import("./app.js").Shell} shell */
export function followUp(run, shell) {
  const { doing } = run;
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!doing.followUp.trim() || doing.busy) return;
    doing.busy = true;
    try {
      const { id } = await api.begin({ prompt: doing.followUp, after: run.id });
      shell.go(`#/runs/${encodeURIComponent(id)}`);
    } catch (error) {
      doing.error = error;
      doing.busy = false;
      shell.update();
    }
  };
  return html`
    <form class="ask follow" @submit=${submit}>
      <label for="question">Ask on</label>
      <textarea
        id="question"
        rows="2"
        placeholder="A further question, to the same seats"
        .value=${doing.followUp}
        @input=${(/** @type {any} */ event) => {
          doing.followUp = event.target.value;
          fit(event.target);
          shell.update();
        }}
        @keydown=${(/** @type {KeyboardEvent} */ event) => {
          if (entered(event)) submit(event);
        }}
      ></textarea>
      <p class="buttons"><button class="main" ?disabled=${!doing.followUp.trim() || doing.busy}>Ask</button></p>
      ${doing.open ? nothing : alert(doing.error)}
    </form>
  `;
}
