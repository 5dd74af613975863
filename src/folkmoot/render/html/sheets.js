// The count sheets on the page: every ballot beside the reply it came from, then the rule and what it gives.

import { byRound, ballotsOf, parametersOf, said, titleOf } from "./counts.js";
import { whereOf } from "./calls.js";
import { brief, element, fill, table, verbatim, words } from "./elements.js";

const SHOWN = 90; // characters of a reply beside its ballot

/** All counts of a run, round by round; the last round is open. `go` shows the call of a step. */
export function sheetsView(counts, calls, names, go) {
  const groups = byRound(counts);
  return groups.map(({ place, counts: made }, at) => {
    const inside = element("div", {});
    const shown = element("details", { open: at === groups.length - 1, class: "round" }, element("summary", {}, place), inside);
    const build = () => {
      if (shown.open && !inside.childNodes.length)
        fill(
          inside,
          made.map((count) => sheet(count, calls, names, go)),
        );
    };
    shown.addEventListener("toggle", build);
    build();
    return shown;
  });
}

function sheet(count, calls, names, go) {
  const parameters = parametersOf(count);
  return element(
    "section",
    { class: "sheet" },
    element("h3", {}, titleOf(count.rule), parameters ? element("span", { class: "faint" }, ` ${parameters}`) : null),
    count.ballots.length ? ballots(count, calls, names, go) : null,
    given(count, names),
  );
}

function ballots(count, calls, names, go) {
  const about = count.ballots.some((ballot) => ballot.about !== null);
  const weighed = count.ballots.some((ballot) => ballot.weight !== 1);
  return table(
    ["seat", about && "about", "says", weighed && "weight", "the reply", "call"].filter(Boolean),
    count.ballots.map((ballot) =>
      [
        names.of(ballot.seat),
        about && (ballot.about === null ? "–" : names.of(ballot.about)),
        said(ballot.value),
        weighed && brief(ballot.weight),
        reply(calls.get(ballot.step)),
        place(calls.get(ballot.step), go),
      ].filter((cell) => cell !== false),
    ),
  );
}

function reply(call) {
  if (!call) return "no call on record";
  if (call.text === null) return `none: ${call.failure?.message ?? "the call was given up"}`;
  const line = call.text.trim().replaceAll(/\s+/g, " ");
  if (line.length <= SHOWN) return line || "nothing";
  const whole = element("div", {});
  const shown = element("details", { class: "reply" }, element("summary", {}, `${line.slice(0, SHOWN)}…`), whole);
  shown.addEventListener("toggle", () => whole.childNodes.length || fill(whole, verbatim(call.text)));
  return shown;
}

const place = (call, go) =>
  call ? element("button", { type: "button", class: "link", onclick: () => go(call.step) }, whereOf(call)) : "–";

/** What a rule gives: the total of every answer, and whether its condition is met. */
export function given(count, names) {
  const { totals, met, explanation } = count.outcome;
  return [
    totals.length ? totalsTable(totals, names) : null,
    element(
      "p",
      { class: "gives" },
      met === null ? null : element("span", { class: `badge ${met ? "good" : "open"}` }, met ? "met" : "not met"),
      explanation ? ` ${explanation}` : null,
    ),
  ];
}

function totalsTable(totals, names) {
  const figures = [...new Set(totals.flatMap((total) => Object.keys(total.figures)))];
  const seats = totals.some((total) => total.seats.length);
  return table(
    ["gives", "value", ...figures.map(words), seats && "by"].filter((cell) => cell !== false),
    totals.map((total) =>
      [
        `${total.chosen ? "★ " : ""}${total.about === null ? total.says : names.of(total.about)}`,
        total.value === null ? "–" : brief(total.value),
        ...figures.map((name) => (name in total.figures ? brief(total.figures[name]) : "–")),
        seats && (total.seats.map((seat) => names.of(seat)).join(", ") || "–"),
      ].filter((cell) => cell !== false),
    ),
    totals.findIndex((total) => total.chosen),
  );
}

/** What had been counted at one point of the run. */
export function standingView({ made, waiting }, names) {
  return [
    made.length ? null : element("p", { class: "faint" }, "Nothing is counted yet."),
    made.map((count) => [element("h4", {}, `${titleOf(count.rule)}, round ${count.round}`), given(count, names)]),
    waiting && waiting.cast
      ? element("p", { class: "faint" }, `${waiting.cast} of ${waiting.of} ballots of the next count are in.`)
      : null,
  ];
}

/** How one call is counted; nothing for a call that no count uses. */
export function countedAs(counts, step, names) {
  const found = ballotsOf(counts, step);
  if (!found.length) return null;
  return [
    element("h4", {}, "How it is counted"),
    element(
      "ul",
      {},
      found.map((ballot) =>
        element(
          "li",
          {},
          `${titleOf(ballot.rule)}: ${said(ballot.value)}`,
          ballot.about === null ? null : ` for ${names.of(ballot.about)}`,
          ballot.weight === 1 ? null : `, weight ${brief(ballot.weight)}`,
        ),
      ),
    ),
  ];
}
