// @ts-check
/** A form for a protocol's options, made of the JSON schema that the server gives. */
import { html, live, nothing } from "./vendor/lit-html.js";

/**
 * @typedef {{ name: string, kind: "number" | "integer" | "boolean" | "choice" | "text" | "list", title: string,
 *   about: string, preset: unknown, choices: string[], least?: number, most?: number }} Field
 */

/** What can be filled in; what takes more than a field is left out. @param {any} schema @returns {Field[]} */
export function fieldsOf(schema) {
  return Object.entries(schema?.properties ?? {}).flatMap(([name, told]) => {
    const any = /** @type {any} */ (told);
    const shape = any.anyOf?.find((/** @type {any} */ each) => each.type !== "null") ?? any;
    const kind = kindOf(shape);
    const title = name.replaceAll("_", " ");
    return kind
      ? [
          {
            name,
            kind,
            title: title.charAt(0).toUpperCase() + title.slice(1),
            about: any.description ?? "",
            preset: any.default ?? null,
            choices: shape.enum ?? (shape.const === undefined ? [] : [shape.const]),
            least: shape.minimum ?? shape.exclusiveMinimum,
            most: shape.maximum ?? shape.exclusiveMaximum,
          },
        ]
      : [];
  });
}

/** @param {any} shape @returns {Field["kind"] | null} */
function kindOf(shape) {
  if (shape.enum || shape.const !== undefined) return "choice";
  if (shape.type === "array" && shape.items?.type === "string") return "list";
  if (shape.type === "string") return "text";
  return ["number", "integer", "boolean"].includes(shape.type) ? shape.type : null;
}

/**
 * The value of a field as it is written; undefined where it is left as it was.
 * @param {Field} field @param {string} written @returns {unknown}
 */
export function valueOf(field, written) {
  const text = written.trim();
  if (text === "" || text === textOf(field.preset)) return undefined;
  if (field.kind === "boolean") return text === "true";
  if (field.kind === "number" || field.kind === "integer") return Number(text);
  return field.kind === "list"
    ? text
        .split(",")
        .map((each) => each.trim())
        .filter(Boolean)
    : text;
}

/** @param {unknown} value */
export const textOf = (value) =>
  value === null || value === undefined ? "" : Array.isArray(value) ? value.join(", ") : String(value);

/**
 * @param {Field[]} fields
 * @param {Record<string, string>} written by name, as typed
 * @param {(name: string, text: string) => void} write
 */
export const optionsForm = (fields, written, write) => html`
  <div class="fields">
    ${fields.map((field) => {
      const id = `option-${field.name}`;
      return html`
        <div class="field">
          <label for=${id}>${field.title}</label>
          ${input(field, id, written[field.name] ?? "", (text) => write(field.name, text))}
          <p class="about" id="${id}-about">${field.about}</p>
        </div>
      `;
    })}
  </div>
`;

/** @param {Field} field @param {string} id @param {string} text @param {(text: string) => void} write */
export function input(field, id, text, write) {
  const preset = textOf(field.preset);
  const changed = (/** @type {Event} */ event) => write(/** @type {HTMLInputElement} */ (event.target).value);
  const choices = field.kind === "boolean" ? ["true", "false"] : field.choices;
  if (field.kind === "boolean" || field.kind === "choice") {
    const said = (/** @type {string} */ each) => (field.kind === "boolean" ? (each === "true" ? "yes" : "no") : each);
    return html`
      <select id=${id} aria-describedby="${id}-about" @change=${changed}>
        ${choices.includes(preset) ? nothing : html`<option value="" ?selected=${!text}>not set</option>`}
        ${choices.map((each) => html`<option value=${each} ?selected=${each === (text || preset)}>${said(each)}</option>`)}
      </select>
    `;
  }
  const number = field.kind === "number" || field.kind === "integer";
  return html`
    <input
      id=${id}
      aria-describedby="${id}-about"
      type=${number ? "number" : "text"}
      min=${field.least ?? nothing}
      max=${field.most ?? nothing}
      step=${field.kind === "integer" ? 1 : number ? "any" : nothing}
      placeholder=${preset || (field.kind === "list" ? "several, by commas" : "not set")}
      .value=${live(text)}
      @input=${changed}
    />
  `;
}
