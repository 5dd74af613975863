// debate: a majority that endorses the same proposal, or nothing that moves any more; then a merge and its peers.

import { alone } from "./converge.js";
import { CallFailed, ENOUGH, outcome } from "./run.js";

const SAME = 0.95; // similarity from which two texts of one seat are the same proposal
const FRUITLESS_ROUNDS = 2; // in which every vote is REVISE

/** More than half of so many seats. */
export const majority = (invited) => Math.floor(invited / 2) + 1;

/** proposal -> who endorses it. */
export function endorsements(ballots) {
  const found = new Map();
  for (const [voter, ballot] of ballots) {
    if (ballot.endorses !== null) found.set(ballot.endorses, [...(found.get(ballot.endorses) ?? []), voter]);
  }
  return found;
}

/** The proposal that a majority endorses, its author counted, but never its author alone. */
export function settledOn(ballots, invited) {
  for (const [proposal, voters] of endorsements(ballots)) {
    const onlyItself = voters.length === 1 && voters[0] === proposal;
    if (voters.length >= majority(invited) && !onlyItself) return proposal;
  }
  return null;
}

/** Whether the debate is over: consensus, deadlock or open. */
export function ruleOn(votings) {
  const last = votings[votings.length - 1];
  const winner = settledOn(last.ballots, last.invited);
  if (winner !== null) return { status: "consensus", winner };
  const fruitless = votings.filter(({ ballots }) => [...ballots.values()].every((each) => each.vote === "REVISE"));
  if (fruitless.length >= FRUITLESS_ROUNDS) return { status: "deadlock", winner: null };
  const still = votings.length > 1 && standsStill(votings[votings.length - 2], last);
  return { status: still ? "deadlock" : "open", winner: null };
}

function standsStill(before, now) {
  const voted = ({ ballots }) =>
    [...ballots]
      .map(([seat, each]) => `${seat} ${each.vote} ${each.endorses}`)
      .sort()
      .join("\n");
  const sameSeats =
    before.proposals.size === now.proposals.size &&
    [...now.proposals.keys()].every((seat) => before.proposals.has(seat));
  return (
    voted(before) === voted(now) &&
    sameSeats &&
    [...now.proposals].every(([seat, proposal]) => {
      const old = before.proposals.get(seat);
      return old.comesTo === proposal.comesTo && similarity(old.text, proposal.text) >= SAME;
    })
  );
}

/** The share of pairs of neighbouring words that both texts have, 0 to 1. */
export function similarity(one, other) {
  const [first, second] = [one, other].map((text) => {
    const words = ["", ...text.replaceAll("ß", "ss").toLowerCase().split(/\s+/).filter(Boolean), ""];
    const pairs = new Map();
    for (let at = 1; at < words.length; at += 1) {
      const pair = `${words[at - 1]} ${words[at]}`;
      pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
    }
    return pairs;
  });
  const total = (pairs) => [...pairs.values()].reduce((sum, each) => sum + each, 0);
  let both = 0;
  for (const [pair, count] of first) both += Math.min(count, second.get(pair) ?? 0);
  return (2 * both) / (total(first) + total(second));
}

/** Mean Borda points of each proposal over the rankings of others; those left out share what is left. */
export function borda(ballots, proposals) {
  const received = new Map(proposals.map((proposal) => [proposal, []]));
  for (const [voter, ballot] of ballots) {
    const others = proposals.filter((proposal) => proposal !== voter);
    const listed = [...new Set(ballot.ranking)].filter((proposal) => others.includes(proposal));
    if (!listed.length) continue;
    listed.forEach((proposal, place) => received.get(proposal).push(others.length - 1 - place));
    for (const proposal of others) {
      if (!listed.includes(proposal)) received.get(proposal).push((others.length - listed.length - 1) / 2);
    }
  }
  const mean = (points) => points.reduce((sum, each) => sum + each, 0) / points.length;
  return new Map(
    [...received].filter(([, points]) => points.length).map(([proposal, points]) => [proposal, mean(points)]),
  );
}

/** [proposal, endorsements, points], the best first; then the leader before, then the earlier seat. */
export function standing(ballots, proposals, previous = null) {
  const endorsed = endorsements(ballots);
  const points = borda(ballots, proposals);
  const table = proposals.map((seat) => [seat, endorsed.get(seat)?.length ?? 0, points.get(seat) ?? null]);
  return table.sort((a, b) => b[1] - a[1] || (b[2] ?? 0) - (a[2] ?? 0) || (a[0] !== previous) - (b[0] !== previous));
}

/** Whether a merge stands: its author and those who approve are a majority, and one of them is not its author. */
export const ratified = (approvals, invited) => approvals >= 1 && approvals + 1 >= majority(invited);

export function debate(run) {
  const course = { turns: [], votings: [], leader: null, merge: null };
  for (const seat of run.seatsFor("web")) {
    if (run.hear([["search", [seat]]], () => {}).failed.size === 0) break;
  }
  for (const round of run.rounds(run.options.rounds)) {
    if (run.allSeats.length === 1) return alone(run, "propose");
    let ruling;
    try {
      ruling = argue(run, course);
    } catch (error) {
      offerSoFar(run, course);
      throw error;
    }
    course.leader = run.offer(standsAt(run, course, ruling, round)).leader;
    if (ruling.winner !== null) {
      course.merge = { author: ruling.winner, text: null, peers: [], verdicts: new Map() };
      try {
        mergeEndorsed(run, course.merge);
      } finally {
        run.offer(standsAt(run, course, ruling, round));
      }
    }
    if (ruling.status !== "open") break;
  }
  return run.offered;
}

function argue(run, course) {
  run.require(2, run.seats);
  const last = course.turns[course.turns.length - 1];
  const turn = { proposals: new Map(last?.proposals ?? []), votes: new Map(), invited: [] };
  course.turns.push(turn);
  run.hear(
    run.seats.map((seat) => ["propose", [seat]]),
    (done) => {
      const found = new Map([...turn.proposals, [done.key[0], { text: done.value, comesTo: done.comes_to ?? null }]]);
      turn.proposals = new Map(run.inOrder([...found.keys()]).map((seat) => [seat, found.get(seat)]));
    },
  );
  run.require(2, turn.proposals);
  run.require(2, run.seats);
  const reviews = run.callAll(
    "review",
    run.seats.map((seat) => [seat]),
  );
  run.require(2, run.seats);
  const reviewed = run.seats.filter(
    (seat) => turn.proposals.has(seat) && [...reviews.keys()].some((by) => by !== seat),
  );
  run.callAll(
    "rebut",
    reviewed.map((seat) => [seat]),
  );
  run.require(2, run.seats);
  castVotes(run, course, turn);
  return ruleOn(count(run, course));
}

function castVotes(run, course, turn) {
  turn.invited = run.seats;
  run.hear(
    turn.invited.map((seat) => ["vote", [seat]]),
    (done) => {
      const cast = new Map([...turn.votes, [done.key[0], done.value]]);
      turn.votes = new Map(turn.invited.filter((seat) => cast.has(seat)).map((seat) => [seat, cast.get(seat)]));
      const { ballots } = count(run, course)[course.turns.length - 1];
      run.show(tally(ballots, turn, course));
      return run.options.early === "cancel" && settledOn(ballots, turn.invited.length) !== null ? ENOUGH : undefined;
    },
  );
}

/** Every round as the rule sees it; the one that goes on is counted anew. */
function count(run, course) {
  const turn = course.turns[course.turns.length - 1];
  const ballots = new Map(
    [...turn.votes].map(([seat, vote]) => [
      seat,
      {
        vote: vote.vote,
        endorses: vote.target === null ? null : run.author.get(vote.target),
        ranking: vote.ranking.map((label) => run.author.get(label)),
      },
    ]),
  );
  course.votings.splice(course.turns.length - 1);
  course.votings.push({ invited: turn.invited.length, ballots, proposals: turn.proposals });
  return course.votings;
}

function tally(ballots, turn, course) {
  const endorsed = endorsements(ballots);
  return {
    head: ["answer of", "endorsements", "by", "Borda points"],
    rows: standing(ballots, [...turn.proposals.keys()], course.leader).map(([seat, votes, points]) => [
      { seat },
      `${votes} of ${turn.invited.length}`,
      { seats: endorsed.get(seat) ?? [] },
      points ?? "·",
    ]),
    note:
      `A majority is ${majority(turn.invited.length)} of ${turn.invited.length}. ` +
      ["FINALIZE", "REVISE", "SPLIT"]
        .map((word) => `${word} ${[...ballots.values()].filter((each) => each.vote === word).length}`)
        .join(", "),
    first: true,
  };
}

/** The author of what was endorsed merges, and the others confirm. */
function mergeEndorsed(run, merge) {
  if (!run.seats.includes(merge.author)) return;
  try {
    merge.text = run.call("synthesize", merge.author).value;
  } catch (error) {
    if (error instanceof CallFailed) return;
    throw error;
  }
  merge.peers = run.seats.filter((seat) => seat !== merge.author);
  run.hear(
    merge.peers.map((seat) => ["confirm", [seat]]),
    (done) => {
      merge.verdicts.set(done.key[0], done.value);
      const hopeless = !ratified(approvals(merge) + merge.peers.length - merge.verdicts.size, merge.peers.length + 1);
      return run.options.early === "cancel" && (adopted(merge) || hopeless) ? ENOUGH : undefined;
    },
  );
}

const approvals = (merge) => [...merge.verdicts.values()].filter((each) => each.approved).length;
const adopted = (merge) => merge !== null && merge.text !== null && ratified(approvals(merge), merge.peers.length + 1);

function ruleOf(turn, merge) {
  const wanted = `majority ${majority(turn.invited.length)} of ${turn.invited.length}`;
  return merge?.text ? `${wanted}; ${approvals(merge)} of ${merge.peers.length} peers approve the merge` : wanted;
}

function standsAt(run, course, ruling, round) {
  const turn = course.turns[course.turns.length - 1];
  const { merge } = course;
  let leader = null;
  if (ruling !== null) {
    const { ballots } = course.votings[course.votings.length - 1];
    leader = standing(ballots, [...turn.proposals.keys()], course.leader)[0][0];
    run.show(tally(ballots, turn, course));
  }
  const met = ruling !== null && ruling.winner !== null;
  return outcome(met ? "consensus" : ruling ? "deadlock" : "undecided", met, {
    winner: leader,
    answer: adopted(merge) ? merge.text : leader ? turn.proposals.get(leader).text : null,
    answers: [...turn.proposals].map(([seat, proposal]) => ({ seat, answer: proposal.text, score: null })),
    round,
    leader,
    rule: ruleOf(turn, merge),
  });
}

/** What a round that was stopped has come to, where that is more than what was offered before. */
function offerSoFar(run, course) {
  const turn = course.turns[course.turns.length - 1];
  if (!turn) return;
  if (turn.votes.size) run.offer(standsAt(run, course, ruleOn(count(run, course)), run.round));
  else if (turn.proposals.size && course.turns.length === 1) run.offer(standsAt(run, course, null, run.round));
}
