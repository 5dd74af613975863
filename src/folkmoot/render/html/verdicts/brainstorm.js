// brainstorm: means, deviations and controversy of the answers, and the panel that comes of them.

import { binary, rounded, sum } from "./numbers.js";
import { outcome } from "./run.js";

const mean = (scores) => (scores.length ? sum(scores) / scores.length : 0);

/** The population standard deviation; 0 of fewer than two. */
export function deviation(scores) {
  if (scores.length < 2) return 0;
  const middle = mean(scores);
  return Math.sqrt(sum(scores.map((score) => (score - middle) * (score - middle))) / scores.length);
}

export const controversy = (scores) => mean(scores) * deviation(scores);

/** The most controversial answers, those that reach the floor first; ties go to the higher mean, then the earlier. */
export function panelOf(ideas, size, floor) {
  const lowest = (idea) => (idea.scores.length ? 0 : 1);
  const ranked = [...ideas].sort(
    (a, b) => lowest(a) - lowest(b) || controversy(b.scores) - controversy(a.scores) || mean(b.scores) - mean(a.scores),
  );
  const below = (idea) => (floor > 0 && !(idea.scores.length && mean(idea.scores) >= floor) ? 1 : 0);
  return ranked.sort((a, b) => below(a) - below(b)).slice(0, size);
}

export function brainstorm(run) {
  const { options } = run;
  const course = { variants: [""], turns: [], failures: [] };
  if (options.prompt_variants === "per-model") course.variants = reframe(run, course.failures);
  const lineages = run.allSeats.flatMap((seat) => course.variants.map((variant) => ({ seat, variant })));
  for (const round of run.rounds(options.rounds)) {
    const turn = { answers: new Map(), ratings: new Map() };
    try {
      hold(run, lineages, turn, course.failures, round);
    } catch (error) {
      if (turn.answers.size && !course.turns.length) offer(run, lineages, course, turn);
      throw error;
    }
    run.require(1, turn.answers);
    offer(run, lineages, course, turn);
    course.turns.push(turn);
  }
  return run.offered;
}

const nameOf = (lineage) => (lineage.variant ? `${lineage.seat}>${lineage.variant}` : lineage.seat);
const keyOf = (lineage) => (lineage.variant ? [lineage.seat, lineage.variant] : [lineage.seat]);

function reframe(run, failures) {
  const written = new Set();
  run.hear(
    run.allSeats.map((seat) => ["reframe", [seat]]),
    (done) => {
      written.add(done.key[0]);
    },
  );
  const failed = run.allSeats.filter((seat) => !written.has(seat));
  failures.push(...failed.map(() => "reframe"));
  return [
    "original",
    ...run.allSeats
      .map((seat, at) => [seat, `variant-${at + 1}`])
      .filter(([seat]) => written.has(seat))
      .map(([, name]) => name),
  ];
}

function hold(run, lineages, turn, failures) {
  const whose = new Map(lineages.map((lineage) => [nameOf(lineage), lineage]));
  const asked = lineages.filter((lineage) => run.seats.includes(lineage.seat));
  const batch = run.hear(
    asked.map((lineage) => ["propose", keyOf(lineage)]),
    (done, calls) => {
      const lineage = whose.get((done.phase === "evaluate" ? done.key.slice(1) : done.key).join(">"));
      const name = nameOf(lineage);
      if (done.phase === "evaluate") {
        turn.ratings.set(name, new Map([...(turn.ratings.get(name) ?? []), [done.key[0], done.value.score]]));
        run.show(table(...panelAt(run, lineages, turn)));
        return;
      }
      const there = [...turn.answers.keys()].map((each) => whose.get(each));
      const owners = [...new Set(there.map((each) => each.seat))];
      turn.answers.set(name, done.value);
      run.show(table(...panelAt(run, lineages, turn)));
      for (const judge of owners) if (judge !== lineage.seat) calls.add("evaluate", [judge, ...keyOf(lineage)]);
      if (!owners.includes(lineage.seat))
        for (const each of there) calls.add("evaluate", [lineage.seat, ...keyOf(each)]);
    },
  );
  for (const call of batch.failed.values()) failures.push(call.phase);
}

function offer(run, lineages, course, turn) {
  const { options } = run;
  const [ideas, panel] = panelAt(run, lineages, turn);
  const judged = statusOf(run, ideas, panel, course.failures);
  const lost = course.failures.length > 0 || ideas.length < lineages.length;
  const degraded = lost || judged === "partial" || judged === "skipped_insufficient_models";
  run.show(table(ideas, panel));
  run.offer(
    outcome(degraded ? "degraded" : "brainstormed", true, {
      answer: panel.map((idea, at) => `${headOf(idea, at + 1)}\n${idea.text}`).join("\n\n"),
      answers: ideas.map((idea) => ({
        seat: idea.place,
        answer: idea.text,
        score: idea.scores.length ? mean(idea.scores) : null,
      })),
      round: run.round,
      scores: [...course.turns, turn].map((each) => meansOf(run, lineages, each)),
      rule:
        `the ${panel.length} most disputed of ${ideas.length} answers` +
        (options.quality_floor > 0 ? `, those with a mean of ${options.quality_floor} first` : ""),
    }),
  );
}

function table(ideas, panel) {
  const figures = (scores) =>
    [mean, deviation, controversy].map((of) => (scores.length ? rounded(binary(of(scores)), 2) : "·"));
  return {
    head: ["answer of", "mean", "deviation", "controversy", "on the panel"],
    rows: [...panel, ...ideas.filter((idea) => !panel.includes(idea))].map((idea) => [
      { seat: idea.lineage.seat, more: idea.lineage.variant },
      ...figures(idea.scores),
      panel.includes(idea) ? `${panel.indexOf(idea) + 1}` : "",
    ]),
  };
}

function ideaOf(run, lineage, turn) {
  const given = turn.ratings.get(nameOf(lineage)) ?? new Map();
  const scores = run.allSeats.filter((judge) => given.has(judge)).map((judge) => given.get(judge));
  const name = called(run, lineage);
  return {
    lineage,
    name,
    place: lineage.variant ? name : lineage.seat,
    text: turn.answers.get(nameOf(lineage)),
    scores,
  };
}

function called(run, lineage) {
  const id = run.modelId(lineage.seat);
  if (!lineage.variant) return id;
  const slash = id.indexOf("/");
  return slash < 0
    ? `${id}/+${lineage.variant}`
    : `${id.slice(0, slash)}/${id.slice(slash + 1).replaceAll("/", "_")}+${lineage.variant}`;
}

/** The answers of a round, and the panel of them. */
function panelAt(run, lineages, turn) {
  const ideas = lineages.filter((each) => turn.answers.has(nameOf(each))).map((lineage) => ideaOf(run, lineage, turn));
  return [ideas, panelOf(ideas, run.options.panel_size, run.options.quality_floor)];
}

function meansOf(run, lineages, turn) {
  const [ideas] = panelAt(run, lineages, turn);
  return Object.fromEntries(ideas.filter((idea) => idea.scores.length).map((idea) => [idea.place, mean(idea.scores)]));
}

function statusOf(run, ideas, panel, failures) {
  if (new Set(ideas.map((idea) => idea.lineage.seat)).size < 2) {
    return run.allSeats.length === 1 && !failures.length ? "skipped_single_model" : "skipped_insufficient_models";
  }
  return panel.some((idea) => !idea.scores.length) || failures.includes("evaluate") ? "partial" : "peer_evaluated";
}

/** The line above an answer of the panel. */
function headOf(idea, number) {
  const fixed = (figure, decimals) => rounded(binary(figure(idea.scores)), decimals).toFixed(decimals);
  const figures = () => `mean ${fixed(mean, 1)}, stddev ${fixed(deviation, 2)}, controversy ${fixed(controversy, 2)}`;
  return `── ${number}. ${idea.name} (${idea.scores.length ? figures() : "not evaluated"}) ──`;
}
