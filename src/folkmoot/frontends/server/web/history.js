// @ts-check
/** Earlier runs: search, filter, open. */
import { api } from "./api.js";
import { alert, focused, model } from "./parts.js";
import { html, live, nothing, repeat } from "./vendor/lit-html.js";
import { cost, counted, oneLine, statusWord, when } from "./words.js";

const PAGE = 50;
const FILTERS = [
  ["", "all"],
  ["running", "running"],
  ["unfinished", "unfinished"],
  ["cancelled", "cancelled"],
  ["over_budget", "over budget"],
  ["failed", "failed"],
];

/** @param {import("./app.js").Shell} shell @returns {import("./app.js").Page} */
export function openHistory(shell) {
  /** @type {any[] | null} */
  let runs = null;
  const statuses = new Set(FILTERS.map(([status]) => status));
  const kept = new URLSearchParams(location.hash.split("?")[1]); // so that Back comes back to what was searched
  const query = { search: kept.get("search") ?? "", status: kept.get("status") ?? "", limit: PAGE };
  if (query.status) statuses.add(query.status);
  /** @type {unknown} */
  let error = null;
  let asked = 0;
  /** @type {number | undefined} */
  let timer;

  const load = async () => {
    const mine = (asked += 1);
    const wanted = {
      ...(query.search ? { search: query.search } : {}),
      ...(query.status ? { status: query.status } : {}),
    };
    const written = String(new URLSearchParams(wanted));
    history.replaceState(null, "", `#/runs${written ? "?" : ""}${written}`);
    try {
      const found = await api.runs({ limit: String(query.limit), ...wanted });
      if (mine !== asked) return; // a later question is on its way
      runs = found;
      error = null;
      for (const run of found) statuses.add(run.status);
      shell.say(`${counted(found.length, "run")} found`);
    } catch (problem) {
      error = problem;
    }
    shell.update();
  };
  load();

  const soon = () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(load, 150);
  };

  const view = () => html`
    <h1>History</h1>
    <form
      class="search"
      role="search"
      @submit=${(/** @type {Event} */ event) => {
        event.preventDefault();
        load();
      }}
    >
      <label class="unseen" for="search">Search in questions and answers</label>
      <input
        id="search"
        type="search"
        placeholder="Search in questions and answers"
        .value=${live(query.search)}
        ${focused}
        @input=${(/** @type {any} */ event) => {
          query.search = event.target.value;
          soon();
        }}
      />
      <label class="unseen" for="status">Status</label>
      <select
        id="status"
        @change=${(/** @type {any} */ event) => {
          query.status = event.target.value;
          load();
        }}
      >
        ${[...statuses].map((status) => html`<option value=${status} ?selected=${status === query.status}>${status ? statusWord(status) : "every status"}</option>`)}
      </select>
    </form>
    ${alert(error)}
    ${
      runs === null
        ? nothing
        : runs.length
          ? html`<ul class="runs">
              ${repeat(runs, (run) => run.id, runLine)}
            </ul>`
          : html`<p class="empty">
              ${query.search || query.status ? "No run is like that." : "Nothing has been asked yet."}
            </p>`
    }
    ${
      runs && runs.length >= query.limit
        ? html`<p>
            <button
              type="button"
              @click=${() => {
                query.limit += PAGE;
                load();
              }}
            >
              Show more
            </button>
          </p>`
        : nothing
    }
  `;
  return { title: "History", view, close: () => window.clearTimeout(timer) };
}

/** One run in a list. @param {any} run */
export const runLine = (run) => html`
  <li>
    <a href="#/runs/${encodeURIComponent(run.id)}">
      <span class="asked" dir="auto">${oneLine(run.title || run.id, 160)}</span>
      ${run.answer ? html`<span class="says" dir="auto">${oneLine(run.answer, 180)}</span>` : nothing}
      <span class="facts">
        <span class="status ${tone(run)}">${statusWord(run.status)}</span>
        <span>${run.protocol}</span>
        ${run.winner ? html`<span>${model(run.winner)}</span>` : nothing}
        <span>${counted(run.total_calls ?? 0, "call")}</span>
        <span>${cost(run.cost_usd, run.list_usd)}</span>
        <time datetime=${run.created}>${when(run.created)}</time>
      </span>
    </a>
  </li>
`;

/** @param {any} run */
const tone = (run) => (run.status === "running" ? "going" : run.met === true || run.met === 1 ? "good" : "open");
