// @ts-check
/** Small pieces that several pages are made of. */
import { api } from "./api.js";
import { markdown, verbatim } from "./markdown.js";
import { guard, html, nothing, ref } from "./vendor/lit-html.js";
import { modelName } from "./words.js";

/** What a model wrote, formatted. @param {string} text */
export const prose = (text) => guard([text], () => markdown(text));

/** What a model wrote, letter by letter. @param {string} text */
export const raw = (text) => guard([text], () => verbatim(text));

/** What went wrong, in a sentence. @param {unknown} error */
export const problem = (error) => (error instanceof Error ? error.message : String(error));

/** @param {unknown} error */
export const alert = (error) => (error ? html`<p class="problem" role="alert">${problem(error)}</p>` : nothing);

/** A model with its whole id at hand. @param {string | null | undefined} id */
export const model = (id) => html`<span class="model" title=${id ?? ""}>${modelName(id)}</span>`;

/**
 * A part of a page that is closed until somebody wants it.
 * @param {string} title @param {unknown} content @param {{ open?: boolean, note?: unknown, id?: string }} [how]
 */
export const part = (title, content, { open = false, note = nothing, id = "" } = {}) => html`
  <details class="part" ?open=${open} id=${id || nothing}>
    <summary>
      <h2>${title}</h2>
      ${note === nothing ? nothing : html` <span class="note">${note}</span>`}
    </summary>
    <div class="inside">${content}</div>
  </details>
`;

/** A table that scrolls inside its own box on a narrow screen. @param {string} label @param {unknown} head @param {unknown} body */
export const table = (label, head, body) => html`
  <div class="wide" role="region" aria-label=${label} tabindex="0">
    <table>
      <thead>
        ${head}
      </thead>
      <tbody>
        ${body}
      </tbody>
    </table>
  </div>
`;

const seen = new WeakSet();

/** Where the cursor goes when a page is opened. */
export const focused = ref((box) => {
  if (!(box instanceof HTMLElement) || seen.has(box)) return;
  seen.add(box);
  queueMicrotask(() => box.focus());
});

/** @param {() => void} unlock */
export function loginForm(unlock) {
  const submit = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.target);
    const told = /** @type {HTMLElement} */ (form.querySelector("[role=alert]"));
    try {
      await api.login(String(new FormData(form).get("key")));
      unlock();
    } catch (error) {
      told.textContent = problem(error);
    }
  };
  return html`
    <form class="login" @submit=${submit}>
      <h1>This server wants a key</h1>
      <p>It is the one that <code>folkmoot serve</code> was started with.</p>
      <label for="key">Key</label>
      <input id="key" name="key" type="password" autocomplete="current-password" required ${focused} />
      <p class="problem" role="alert"></p>
      <button class="main">Go on</button>
    </form>
  `;
}

const KEYS = [
  ["/", "write a question"],
  ["Enter", "ask it"],
  ["Shift Enter", "a new line in it"],
  ["h", "earlier runs"],
  ["?", "these keys"],
  ["Esc", "leave a field, close what is open"],
];

export const helpDialog = () => html`
  <dialog id="help" aria-labelledby="help-title">
    <h2 id="help-title">Keys</h2>
    <dl class="keys">
      ${KEYS.map(
        ([key, what]) =>
          html`<div>
            <dt><kbd>${key}</kbd></dt>
            <dd>${what}</dd>
          </div>`,
      )}
    </dl>
    <form method="dialog"><button>Close</button></form>
  </dialog>
`;
