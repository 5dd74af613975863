// @ts-check
/** The frame around every page: which one is open, the way between them, keys, and what is read aloud. */
import { locked } from "./api.js";
import { openAsk } from "./ask.js";
import { openHistory } from "./history.js";
import { helpDialog, loginForm, problem } from "./parts.js";
import { desk, openPeople } from "./people.js";
import { openRun } from "./run.js";
import { html, keyed, nothing, render } from "./vendor/lit-html.js";

/**
 * @typedef {{ title: string, view: () => unknown, close?: () => void }} Page
 * @typedef {{ update: () => void, say: (text: string) => void, go: (hash: string) => void }} Shell
 */

const root = /** @type {HTMLElement} */ (document.getElementById("app"));
const said = /** @type {HTMLElement} */ (document.getElementById("said"));

/** @type {Page} */
let page;
let isLocked = false;
let drawing = false;
let visit = 0;

/** @type {Shell} */
const shell = {
  update() {
    if (drawing) return;
    drawing = true;
    requestAnimationFrame(() => {
      drawing = false;
      draw();
    });
  },
  say: (text) => {
    said.textContent = text;
  },
  go: (hash) => {
    if (location.hash === hash) open();
    else location.hash = hash;
  },
};

/** @type {[RegExp, (shell: Shell, ...found: string[]) => Page][]} */
const ROUTES = [
  [/^#\/runs\/([^/]+)$/, openRun],
  [/^#\/runs(?:\?.*)?$/, openHistory],
  [/^#\/people$/, openPeople],
  [/^(?:#\/?)?$/, openAsk],
];

function open() {
  for (const [pattern, make] of ROUTES) {
    const found = pattern.exec(location.hash);
    if (found) {
      page?.close?.();
      page = make(shell, ...found.slice(1).map(decodeURIComponent));
      visit += 1;
      draw();
      window.scrollTo(0, 0);
      if (visit > 1) document.getElementById("main")?.focus({ preventScroll: true });
      return;
    }
  }
  location.replace("#/");
}

function draw() {
  document.title = page.title === "Folkmoot" ? page.title : `${page.title} · Folkmoot`;
  render(frame(), root);
}

function frame() {
  const waiting = desk.questions.length;
  const here = (/** @type {string} */ hash) =>
    (location.hash.split("?")[0] || "#/") === hash ? "page" : nothing;
  return html`
    <header class="top">
      <a class="mark" href="#/">folkmoot</a>
      <nav aria-label="Pages">
        <a href="#/" aria-current=${here("#/")}>Ask</a>
        <a href="#/runs" aria-current=${here("#/runs")}>History</a>
        <a href="#/people" aria-current=${here("#/people")}
          >People${waiting ? html` <span class="count">${waiting}</span>` : nothing}</a
        >
        <button type="button" class="quiet" @click=${showHelp}>Keys</button>
      </nav>
    </header>
    ${
      waiting && location.hash !== "#/people"
        ? html`<p class="banner">
            <a href="#/people">${waiting === 1 ? "One question waits" : `${waiting} questions wait`} for a person</a>
          </p>`
        : nothing
    }
    <main id="main" tabindex="-1">${isLocked ? loginForm(unlock) : keyed(visit, page.view())}</main>
    ${helpDialog()}
  `;
}

function unlock() {
  isLocked = false;
  desk.look();
  open();
}

function showHelp() {
  /** @type {HTMLDialogElement | null} */ (document.getElementById("help"))?.showModal();
}

/** @param {KeyboardEvent} event */
function press(event) {
  const typing = event.target instanceof Element && event.target.closest("input, textarea, select, [contenteditable]");
  if (typing && event.key === "Escape") /** @type {HTMLElement} */ (event.target).blur();
  if (event.ctrlKey || event.metaKey || event.altKey || typing || document.querySelector("dialog[open]")) return;
  if (event.key === "/") {
    event.preventDefault();
    const box = document.getElementById("question");
    if (box) box.focus();
    else location.hash = "#/";
  } else if (event.key === "?") showHelp();
  else if (event.key === "h") location.hash = "#/runs";
}

locked.addEventListener("locked", () => {
  isLocked = true;
  shell.update();
});
desk.watch(shell);
window.addEventListener("hashchange", open);
window.addEventListener("keydown", press);
window.addEventListener("unhandledrejection", (event) => {
  shell.say(problem(event.reason));
});
document.querySelector(".skip")?.addEventListener("click", (event) => {
  event.preventDefault(); // the hash says which page is open
  document.getElementById("main")?.focus();
});
open();
