// vote: every seat answers once, and the answer most of them come to wins. And what `ask` shares with it.

import { candidates } from "./converge.js";
import { CallFailed, ENOUGH, Ended, outcome } from "./run.js";
import { firstOf, groupsOf, joined, open, openGroups, seatOf, unbeatable, votesOf } from "./votes.js";

export function vote(run) {
  const { options } = run;
  const seats = run.allSeats;
  const measure = new Map(seats.map((seat) => [seat, options.ties === "weight" ? [1, run.weight(seat)] : [1]]));
  const answers = new Map();
  const isOver = (waiting) => {
    const votes = votesOf(answers, seats);
    return unbeatable(votes, waiting, measure, seats, openGroups(answers, votes));
  };
  const offer = (votes, status) => {
    const ranked = groupsOf(votes, measure, seats);
    const winner = ranked[0].members.reduce((best, seat) => (run.weight(seat) > run.weight(best) ? seat : best));
    const counted = status === "voted";
    run.show(table(ranked, answers));
    run.offer(
      outcome(status, counted, {
        winner: counted ? winner : null,
        answer: counted ? answers.get(winner).text : null,
        answers: candidates(run, texts(answers)),
        round: 1,
        leader: winner,
        rule: `${ranked[0].members.length} of ${asked.length} seats say the same`,
      }),
    );
  };
  run.round = 1;
  const asked = run.seats;
  let over = false;
  try {
    run.hear(
      asked.map((seat) => ["answer", [seat]]),
      (done, batch) => {
        answers.set(done.key[0], done.value);
        const waiting = asked.filter((seat) => !answers.has(seat) && !batch.hasFailed("answer", [seat]));
        if (waiting.length && options.early !== "off") over = over || isOver(waiting);
        offer(votesOf(answers, seats), over ? "voted" : "asking");
        return over && options.early === "cancel" ? ENOUGH : undefined;
      },
    );
  } catch (error) {
    if (!over || !(error instanceof Ended) || error.status === "unfinished") throw error;
  }
  run.require(1, answers);
  let votes = votesOf(answers, seats);
  if (!isOver([])) votes = joined(votes, compareGroups(run, answers, votes, [...votes.keys()], "compare"));
  offer(votes, "voted");
  return run.offered;
}

// What `ask` shares

/** Which groups say the same, as the first of `readers` finds. */
export function compareGroups(run, answers, votes, readers, phase) {
  const shown = firstOf(votes);
  const reader = readers.find((seat) => run.seats.includes(seat));
  if (!openGroups(answers, votes).size || reader === undefined) return [];
  const labelled = new Map([...shown].map(([name, ballot]) => [labelOf(run, ballot), name]));
  let partition;
  try {
    partition = run.call(phase, reader).value;
  } catch (error) {
    if (error instanceof CallFailed) return [];
    throw error;
  }
  const closed = new Set(
    [...shown].filter(([, ballot]) => answers.get(ballot).key && !open(answers.get(ballot).key)).map(([name]) => name),
  );
  return partition
    .map((part) => part.map((label) => labelled.get(label)).sort((a, b) => closed.has(b) - closed.has(a)))
    .filter((part) => part.filter((name) => closed.has(name)).length < 2); // two numbers are two conclusions
}

function labelOf(run, ballot) {
  return run.record.labels[seatOf(ballot)] + (ballot.includes("/") ? " revised" : "");
}

/** ballot -> the text of its answer. */
export function texts(answers) {
  return new Map([...answers].map(([ballot, keyed]) => [ballot, keyed.text]));
}

/** The groups as a table, the leading one first. */
export function table(ranked, answers) {
  return {
    head: ["answer", "votes", "seats"],
    rows: ranked.map((group) => [
      answers.get(group.members.find((ballot) => answers.has(ballot)) ?? "")?.said ?? "(no short answer)",
      group.size[0],
      { seats: [...new Set(group.members.map(seatOf))] },
    ]),
    first: ranked.length > 0,
  };
}
