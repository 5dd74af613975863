// @ts-check
/** The page to ask: a question, whom, and how. */
import { api } from "./api.js";
import { runLine } from "./history.js";
import { fieldsOf, optionsForm, valueOf } from "./options.js";
import { alert, focused } from "./parts.js";
import { html, nothing } from "./vendor/lit-html.js";

const KEPT = "folkmoot.asks"; // in the browser: with what was asked last

/** @typedef {import("./options.js").Field} Field */

/** @type {Field[]} */
const LIMITS = [
  {
    name: "budget",
    kind: "number",
    title: "Budget",
    about: "US dollars that the run may spend.",
    preset: null,
    choices: [],
    least: 0,
  },
  {
    name: "max_calls",
    kind: "integer",
    title: "Most calls",
    about: "Attempts that reach a model.",
    preset: null,
    choices: [],
    least: 1,
  },
  {
    name: "timeout",
    kind: "number",
    title: "Timeout",
    about: "Seconds for one call, with its retries.",
    preset: null,
    choices: [],
    least: 0,
  },
];

/** @param {import("./app.js").Shell} shell @returns {import("./app.js").Page} */
export function openAsk(shell) {
  /** @type {{ models: any[], protocols: any[], panels: any[], recent: any[] }} */
  let known = { models: [], protocols: [], panels: [], recent: [] };
  const last = remembered();
  const form = {
    prompt: "",
    model: /** @type {string} */ (last.model ?? ""),
    models: /** @type {string} */ (last.models ?? ""),
    roles: "",
    options: /** @type {Record<string, string>} */ ({}),
    limits: /** @type {Record<string, string>} */ ({}),
  };
  /** @type {unknown} */
  let error = null;
  let sending = false;

  const load = async () => {
    try {
      const [models, protocols, panels, runs] = await Promise.all([
        api.models(),
        api.protocols(),
        api.panels(),
        api.runs({ limit: "5" }),
      ]);
      known = { models, protocols, panels, recent: runs };
      if (!models.some((/** @type {any} */ each) => each.id === form.model)) form.model = first(models);
    } catch (problem) {
      error = problem;
    }
    shell.update();
  };
  const loaded = load();

  const chosen = () => known.models.find((each) => each.id === form.model);
  const protocol = () => known.protocols.find((each) => each.name === chosen()?.protocol);

  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!form.prompt.trim() || sending) return;
    sending = true;
    error = null;
    shell.update();
    try {
      await loaded; // who is fast asks before it is known whom
      localStorage.setItem(KEPT, JSON.stringify({ model: form.model, models: form.models }));
      const { id } = await api.begin(asked(form, fieldsOf(protocol()?.options)));
      shell.go(`#/runs/${encodeURIComponent(id)}`);
    } catch (problem) {
      error = problem;
      sending = false;
      shell.update();
    }
  };

  const view = () => {
    const fields = fieldsOf(protocol()?.options);
    const panel = known.panels.find((each) => each.name === form.model);
    const changed = [...Object.entries(form.options), ...Object.entries(form.limits)].filter(([, text]) => text).length;
    return html`
      <h1 class="unseen">Ask</h1>
      <form class="ask" @submit=${submit} aria-busy=${sending}>
        <label class="unseen" for="question">Your question</label>
        <textarea
          id="question"
          rows="3"
          placeholder="What do you want to know?"
          ${focused}
          .value=${form.prompt}
          @input=${(/** @type {any} */ event) => {
            form.prompt = event.target.value;
            fit(event.target);
            shell.update();
          }}
          @keydown=${(/** @type {KeyboardEvent} */ event) => {
            if (entered(event)) submit(event);
          }}
        ></textarea>
        <div class="whom">
          <label for="whom">with</label>
          <select
            id="whom"
            @change=${(/** @type {any} */ event) => {
              form.model = event.target.value;
              form.options = {};
              shell.update();
            }}
          >
            ${groups(known.models).map(
              ([title, models]) => html`
                <optgroup label=${title}>
                  ${models.map((each) => html`<option value=${each.id} ?selected=${each.id === form.model}>${shortName(each)}</option>`)}
                </optgroup>
              `,
            )}
          </select>
          <button class="main" ?disabled=${!form.prompt.trim() || sending}>${sending ? "Asking …" : "Ask"}</button>
        </div>
        <p class="about" id="whom-about">
          ${chosen()?.description ?? ""}${panel?.description && chosen()?.panel ? seatsOf(panel) : nothing}
        </p>
        ${alert(error)}
        <details class="more">
          <summary>
            Seats and options${changed || form.models || form.roles ? html` <span class="note">changed</span>` : nothing}
          </summary>
          <div class="field">
            <label for="models">Models</label>
            <input
              id="models"
              type="text"
              autocomplete="off"
              spellcheck="false"
              .value=${form.models}
              aria-describedby="models-about"
              placeholder=${panel ? "those of the panel" : "the default panel, or what is found on this machine"}
              @input=${(/** @type {any} */ event) => {
                form.models = event.target.value;
                shell.update();
              }}
            />
            <p class="about" id="models-about">
              Separated by commas, as <code>openai/gpt-5.4*2, claude-code/opus, human/maria</code>. A person with a seat
              is asked on this page, under People.
            </p>
          </div>
          <div class="field">
            <label for="roles">Roles of single seats</label>
            <textarea
              id="roles"
              rows="2"
              .value=${form.roles}
              aria-describedby="roles-about"
              placeholder="s1=skeptic"
              @input=${(/** @type {any} */ event) => {
                form.roles = event.target.value;
                shell.update();
              }}
            ></textarea>
            <p class="about" id="roles-about">
              A stance for single seats, one on each line: <code>s1=skeptic</code>, <code>s2=advocate</code>, or any text
              after the <code>=</code>.
            </p>
          </div>
          ${optionsForm(fields, form.options, (name, text) => {
            form.options[name] = text;
            shell.update();
          })}
          <h3>Limits</h3>
          ${optionsForm(LIMITS, form.limits, (name, text) => {
            form.limits[name] = text;
            shell.update();
          })}
        </details>
      </form>
      ${
        known.recent.length
          ? html`<section class="recent">
              <h2>Lately</h2>
              <ul class="runs">
                ${known.recent.map(runLine)}
              </ul>
            </section>`
          : nothing
      }
    `;
  };
  return { title: "Folkmoot", view };
}

/** What is sent for a filled-in form. @param {any} form @param {Field[]} fields */
function asked(form, fields) {
  const models = form.models
    .split(",")
    .map((/** @type {string} */ each) => each.trim())
    .filter(Boolean);
  const roles = rolesOf(form.roles);
  const options = values(fields, form.options);
  const limits = values(LIMITS, form.limits);
  return {
    prompt: form.prompt,
    ...(form.model ? { model: form.model } : {}),
    ...(models.length ? { models } : {}),
    ...(Object.keys(roles).length ? { roles } : {}),
    ...(Object.keys(options).length ? { options } : {}),
    ...(Object.keys(limits).length ? { limits } : {}),
  };
}

/** @param {string} written SEAT=TEXT, one on each line @returns {Record<string, string>} */
export function rolesOf(written) {
  const lines = written.split("\n").filter((line) => line.trim());
  return Object.fromEntries(
    lines.map((line) => {
      const [seat, ...stance] = line.split("=");
      if (!stance.length) throw new Error(`"${line.trim()}" gives no seat a role: write SEAT=TEXT, as s1=skeptic`);
      return [seat.trim(), stance.join("=").trim()];
    }),
  );
}

/** @param {Field[]} fields @param {Record<string, string>} written */
export const values = (fields, written) =>
  Object.fromEntries(
    fields
      .map((field) => [field.name, valueOf(field, written[field.name] ?? "")])
      .filter(([, value]) => value !== undefined),
  );

/** Enter asks; with Shift, or while a character is being composed, it does not. @param {KeyboardEvent} event */
export const entered = (event) => event.key === "Enter" && !event.shiftKey && !event.isComposing;

/** A box as high as its text. @param {HTMLTextAreaElement} box */
export function fit(box) {
  box.rows = Math.min(Math.max(box.value.split("\n").length + 1, 3), 16);
}

/** @param {any[]} models @returns {[string, any[]][]} */
function groups(models) {
  const found = /** @type {[string, any[]][]} */ ([
    ["Panels", models.filter((each) => each.panel)],
    ["Protocols, with the default seats", models.filter((each) => !each.panel)],
  ]);
  return found.filter(([, each]) => each.length);
}

/** What is asked where nobody chose: the default panel, else the default protocol. @param {any[]} models */
function first(models) {
  const found =
    models.find((each) => each.panel === "default") ?? models.find((each) => each.id === "folkmoot/ask") ?? models[0];
  return found?.id ?? "";
}

/** @param {any} model */
const shortName = (model) => (model.panel ? model.id : model.protocol);

/** @param {any} panel */
const seatsOf = (panel) => html` <span class="seats">${panel.seats.join(", ")}</span>`;

/** @returns {{ model?: string, models?: string }} */
function remembered() {
  try {
    return JSON.parse(localStorage.getItem(KEPT) ?? "{}");
  } catch {
    return {};
  }
}
