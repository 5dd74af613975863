// @ts-check
/** People who have a seat: their open questions, with the deadline counted down, and what can be done after it. */
import { api } from "./api.js";
import { alert, raw } from "./parts.js";
import { html, nothing, repeat } from "./vendor/lit-html.js";
import { counted, duration } from "./words.js";

const EVERY = 2000; // ms between two looks at the desk

/**
 * @typedef {{ id: string, run: string, name: string, step: string, text: string, format: string, example: string,
 *   asked_at: number, deadline: number }} Question
 * @typedef {import("./app.js").Shell} Shell
 */

/** What lies open on the server, looked at every other second. */
export const desk = {
  questions: /** @type {Question[]} */ ([]),
  gone: /** @type {Question[]} */ ([]), // whose time ran out while this page was open
  drafts: /** @type {Record<string, string>} */ ({}),
  answered: new Set(),
  shell: /** @type {Shell | null} */ (null),

  /** @param {Shell} shell */
  watch(shell) {
    desk.shell = shell;
    desk.look();
    window.setInterval(() => document.visibilityState === "visible" && desk.look(), EVERY);
  },

  async look() {
    let found;
    try {
      found = await api.questions();
    } catch {
      return; // whoever has the page open is told by what they do next
    }
    const open = new Set(found.map((/** @type {Question} */ each) => each.id));
    const fresh = found.filter((/** @type {Question} */ each) => !desk.questions.some((known) => known.id === each.id));
    const left = desk.questions.filter((each) => !open.has(each.id) && !desk.answered.has(each.id));
    desk.gone.push(...left.filter((each) => each.deadline <= Date.now() / 1000 + 1));
    if (fresh.length)
      desk.shell?.say(
        `${counted(fresh.length, "new question")} for ${fresh.map((/** @type {Question} */ each) => each.name).join(", ")}`,
      );
    const changed = fresh.length || left.length || found.length !== desk.questions.length;
    desk.questions = found;
    if (changed) desk.shell?.update();
  },
};

/** @param {Shell} shell @returns {import("./app.js").Page} */
export function openPeople(shell) {
  /** @type {Record<string, unknown>} */
  const errors = {};
  const ticking = window.setInterval(() => desk.questions.length && shell.update(), 1000);
  desk.look();

  const answer = async (/** @type {Question} */ question, /** @type {string} */ text) => {
    try {
      await api.answer(question.id, text);
      desk.answered.add(question.id);
      delete desk.drafts[question.id];
      shell.say("Your answer is with the run");
      await desk.look();
    } catch (error) {
      errors[question.id] = error;
      await desk.look();
    }
    shell.update();
  };
  const late = async (/** @type {Question} */ question, /** @type {string} */ text) => {
    try {
      const { id } = await api.late(question.run, question.step, text);
      desk.gone = desk.gone.filter((each) => each.id !== question.id);
      shell.go(`#/runs/${encodeURIComponent(id)}`);
    } catch (error) {
      errors[question.id] = error;
      shell.update();
    }
  };
  const forget = (/** @type {Question} */ question) => {
    desk.gone = desk.gone.filter((each) => each.id !== question.id);
    shell.update();
  };

  const view = () => html`
    <h1>People</h1>
    <p class="lead">Whoever has a seat as <code>human/NAME</code> is asked here, in the same words as the models.</p>
    ${desk.questions.length || desk.gone.length ? nothing : html`<p class="empty">Nobody is asked anything just now.</p>`}
    ${repeat(
      desk.questions,
      (each) => each.id,
      (each) =>
        questionForm(each, errors[each.id], {
          send: answer,
          title: `A question for ${each.name}`,
          button: "Answer",
          note: countdown(each),
        }),
    )}
    ${repeat(
      desk.gone,
      (each) => each.id,
      (each) =>
        questionForm(each, errors[each.id], {
          send: late,
          title: `${each.name} was asked, and the time is over`,
          button: "Answer in a fork",
          note: html`<p class="about">
            The run has gone on without it, and its verdict stands. A late answer opens a fork: the same run, as it
            would have gone. <button type="button" class="quiet" @click=${() => forget(each)}>Let it be</button>
          </p>`,
        }),
    )}
  `;
  return { title: "People", view, close: () => window.clearInterval(ticking) };
}

/**
 * @param {Question} question
 * @param {unknown} error
 * @param {{ send: (question: Question, text: string) => void, title: string, button: string, note: unknown }} how
 */
function questionForm(question, error, { send, title, button, note }) {
  const id = `answer-${question.id}`;
  const write = (/** @type {string} */ text) => {
    desk.drafts[question.id] = text;
    desk.shell?.update();
  };
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    send(question, desk.drafts[question.id] ?? "");
  };
  const draft = desk.drafts[question.id] ?? "";
  return html`
    <form class="person" @submit=${submit} aria-labelledby="${id}-title">
      <h2 id="${id}-title">${title}</h2>
      ${note}
      <p class="facts"><a href="#/runs/${encodeURIComponent(question.run)}">the run</a><span>${question.step}</span></p>
      ${raw(question.text)}
      <label for=${id}>Your answer</label>
      <textarea
        id=${id}
        rows="5"
        .value=${draft}
        @input=${(/** @type {any} */ event) => write(event.target.value)}
      ></textarea>
      ${alert(error)}
      <p class="buttons">
        <button class="main" ?disabled=${!draft.trim()}>${button}</button>
        ${question.example ? html`<button type="button" @click=${() => write(question.example)}>Begin with an example</button>` : nothing}
      </p>
    </form>
  `;
}

/** @param {Question} question */
function countdown(question) {
  const left = Math.max(0, question.deadline - Date.now() / 1000);
  return html`<p class="deadline ${left < 30 ? "soon" : ""}" role="timer">
    ${left > 0 ? `${duration(Math.ceil(left))} left` : "the time is over"}
  </p>`;
}
