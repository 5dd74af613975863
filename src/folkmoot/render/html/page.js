// The page of a run: its verdict, what was counted for it, and every call to scrub through.

import { KIND_NAMES, Names, board, callView, details, kindOf, whereOf, whoOf } from "./calls.js";
import { leaderOf, standingAt } from "./counts.js";
import { brief, counted, element, fill, money, verbatim, words } from "./elements.js";
import { countedAs, sheetsView, standingView } from "./sheets.js";
import { costView, dissent, receiptView } from "./worth.js";

const PACE = 700; // milliseconds for one call, when playing

const run = JSON.parse(document.getElementById("folkmoot-run").textContent);
const { testimony } = run;
const calls = [...testimony.calls].sort((a, b) => a.order - b.order);
const names = new Names(testimony);
const last = calls.length - 1;
const byStep = new Map(calls.map((call) => [call.step, call]));
const orders = new Map(calls.map((call) => [call.step, call.order]));

/** The journal, which is packed: unpacked when somebody wants to see what was asked. */
let requests = null;
async function unpacked() {
  if (requests) return requests;
  let { record } = run;
  if (typeof record === "string") {
    const bytes = Uint8Array.from(atob(record), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    record = JSON.parse(await new Response(stream).text());
  }
  const text = (part) => (typeof part === "string" ? part : record.parts[part.part]);
  requests = new Map(
    record.journal
      .filter((line) => line.kind === "started")
      .map((line) => [
        line.step,
        [
          ...(line.request.system ? [["system", line.request.system]] : []),
          ...line.request.messages.map(([role, parts]) => [role, parts.map(text).join("\n\n")]),
        ],
      ]),
  );
  return requests;
}

function askedView(call) {
  const inside = element("div", {});
  const shown = details("What it was asked", inside);
  shown.addEventListener("toggle", async () => {
    if (!shown.open || inside.childNodes.length) return;
    const messages = (await unpacked()).get(call.before_repair ? `${call.step}+repair` : call.step);
    fill(
      inside,
      messages
        ? messages.map(([role, text]) => [element("h4", {}, role), verbatim(text)])
        : element(
            "p",
            { class: "faint" },
            "The record of this run does not hold it: the call was taken over from another run.",
          ),
    );
  });
  return shown;
}

function headView() {
  const { outcome, result } = run;
  const winner = outcome?.winner ? names.of(outcome.winner) : null;
  const facts = [
    testimony.protocol,
    counted(testimony.seats.filter((seat) => seat.duty === "member").length, "seat"),
    counted(calls.length, "call"),
    outcome?.round ? counted(outcome.round, "round") : null,
    result && `${(result.elapsed_ms / 1000).toFixed(1)} s`,
    result && money(result.cost_usd, result.list_usd),
    run.created.slice(0, 10),
  ];
  return element(
    "header",
    {},
    element("p", { class: "faint" }, facts.filter(Boolean).join(" · ")),
    element("h1", { class: testimony.prompt.length > 160 ? "long" : null, dir: "auto" }, testimony.prompt),
    element(
      "section",
      { class: "verdict", "aria-label": "verdict" },
      element(
        "p",
        { class: "status" },
        element("span", { class: `badge ${outcome?.met ? "good" : "open"}` }, words(outcome?.status ?? "unfinished")),
        winner ? element("span", {}, "winner ", element("strong", {}, winner)) : null,
        outcome && !outcome.met ? element("span", { class: "faint" }, "the protocol’s rule was not met") : null,
      ),
      outcome?.answer != null ? verbatim(outcome.answer) : element("p", { class: "faint" }, "No answer was chosen."),
      outcome && outcome.answer == null
        ? outcome.answers.map((each) =>
            details(
              `${names.of(each.seat)}${each.score === null ? "" : `, mean score ${brief(each.score)}`}`,
              verbatim(each.answer),
            ),
          )
        : null,
      result?.outcome.explanation ? element("p", { class: "faint" }, result.outcome.explanation) : null,
    ),
    checkView(),
  );
}

/** A page can be made to say anything, so it says how it is checked and claims nothing itself. */
function checkView() {
  if (run.outcome === null) return element("p", { class: "check" }, "This run is unfinished, so there is no verdict yet.");
  return element(
    "p",
    { class: "check" },
    "To check that this verdict follows from the replies, without asking any model: ",
    element("code", {}, "uvx folkmoot verify FILE"),
  );
}

function scrubber() {
  const range = element("input", {
    type: "range",
    id: "position",
    min: "0",
    max: String(last),
    value: "0",
    step: "1",
    "aria-label": "call",
    oninput: () => go(Number(range.value)),
  });
  const button = (label, title, onclick) =>
    element("button", { type: "button", title, "aria-label": title, onclick }, label);
  const play = button("▶", "play (space)", () => (timer ? stop() : start()));
  const where = element("output", { for: "position", id: "where" });
  const strip = element(
    "div",
    { class: "strip", "aria-hidden": "true" },
    calls.map((call, at) => element("i", { class: kindOf(call), onclick: () => go(at) })),
  );
  const kinds = [...new Set(calls.map(kindOf))];
  const view = element(
    "div",
    { class: "scrubber" },
    element(
      "div",
      { class: "controls" },
      button("«", "first call (Home)", () => go(0)),
      button("‹", "one call back (←)", () => go(position - 1)),
      play,
      button("›", "one call on (→)", () => go(position + 1)),
      button("»", "last call (End)", () => go(last)),
      where,
    ),
    range,
    strip,
    element(
      "p",
      { class: "legend faint" },
      kinds.map((kind) => [element("span", { class: `dot ${kind}`, "aria-hidden": "true" }), `${KIND_NAMES[kind]} `]),
    ),
  );
  return { view, range, play, where, strip };
}

const bar = scrubber();
const boardPlace = element("div", {});
const tallyPlace = element("div", {});
const callPlace = element("div", { id: "call" });
const soFar = element("p", { class: "faint", id: "so-far" });
const list = element(
  "ol",
  { class: "calls" },
  calls.map((call, at) =>
    element(
      "li",
      {},
      element(
        "button",
        {
          type: "button",
          onclick: () => {
            show(at);
          },
        },
        element("span", { class: `dot ${kindOf(call)}`, "aria-hidden": "true" }),
        element("span", { class: "where" }, whereOf(call)),
        element("span", { class: "who" }, whoOf(call, names)),
        element(
          "span",
          { class: call.failure ? "what failed" : "what" },
          call.failure ? `${call.failure.kind}: ${call.failure.message}` : (call.brief ?? ""),
        ),
      ),
    ),
  ),
);

let position = 0;
let timer = null;

/** Go to a call from somewhere else on the page. */
function show(at) {
  go(at);
  bar.view.scrollIntoView({ block: "nearest" });
}

function go(wanted) {
  position = Math.min(Math.max(wanted, 0), last);
  const call = calls[position];
  const standing = standingAt(run.counts, orders, call.order);
  const leader = position === last && run.outcome ? run.outcome.leader : leaderOf(standing.made);
  bar.range.value = String(position);
  bar.range.setAttribute(
    "aria-valuetext",
    `${position + 1} of ${calls.length}: ${whereOf(call)}, ${whoOf(call, names)}`,
  );
  fill(bar.where, `${position + 1} of ${calls.length} · ${whereOf(call)}`);
  [...bar.strip.children].forEach((tick, at) => tick.classList.toggle("past", at <= position));
  [...list.children].forEach((row, at) => row.classList.toggle("now", at === position));
  fill(boardPlace, board(run, calls, position, names, leader));
  fill(tallyPlace, standingView(standing, names));
  fill(soFar, leader ? `Ahead at this point: ${names.of(leader)}.` : "Nobody is ahead at this point.");
  fill(callPlace, callView(call, names, countedAs(run.counts, call.step, names), askedView(call)));
}

function start() {
  if (position === last) go(0);
  timer = setInterval(() => (position === last ? stop() : go(position + 1)), PACE);
  fill(bar.play, "❚❚");
  bar.play.setAttribute("aria-label", "pause (space)");
}

function stop() {
  clearInterval(timer);
  timer = null;
  fill(bar.play, "▶");
  bar.play.setAttribute("aria-label", "play (space)");
}

const KEYS = {
  ArrowLeft: () => go(position - 1),
  ArrowRight: () => go(position + 1),
  Home: () => go(0),
  End: () => go(last),
};

document.addEventListener("keydown", (event) => {
  const own = event.target.closest("input, summary, button, .scrolls");
  if (event.altKey || event.ctrlKey || event.metaKey || event.target === bar.range) return;
  if (event.key === " " && !own) {
    event.preventDefault();
    if (timer) stop();
    else start();
  } else if (KEYS[event.key] && !event.target.closest(".scrolls")) {
    event.preventDefault();
    KEYS[event.key]();
  }
});

const section = (title, ...inside) => element("section", {}, element("h2", {}, title), ...inside);

fill(
  document.getElementById("page"),
  headView(),
  calls.length
    ? section(
        "How it came about",
        bar.view,
        element(
          "div",
          { class: "floor" },
          element("section", { "aria-label": "seats" }, element("h3", {}, "The seats"), boardPlace),
          element("section", { "aria-label": "count" }, element("h3", {}, "The count"), tallyPlace, soFar),
        ),
        callPlace,
      )
    : null,
  run.counts.length
    ? section(
        "How it was counted",
        sheetsView(run.counts, byStep, names, (step) => show(calls.findIndex((call) => call.step === step))),
      )
    : null,
  calls.length ? details(`All ${counted(calls.length, "call")}`, list) : null,
  run.outcome ? section("Dissent", dissent(run, names)) : null,
  run.receipt ? section("What the panel was worth", receiptView(run.receipt)) : null,
  run.result ? section("Cost", costView(run.result)) : null,
  element("footer", {},
    element("p", { class: "faint" }, `Run ${run.run_id}, exported by Folkmoot ${run.by}.`),
  ),
);
if (calls.length) go(0);
