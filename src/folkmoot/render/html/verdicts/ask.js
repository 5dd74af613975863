// ask: as few seats as it takes; where they disagree the others, then a judge, then a debate.

import { candidates } from "./converge.js";
import { brief } from "./numbers.js";
import { CallFailed, ENOUGH, Ended, outcome } from "./run.js";
import { compareGroups, table, texts } from "./vote.js";
import { enough, firstOf, groupsOf, joined, leads, open, openGroups, seatOf, unbeatable, votesOf } from "./votes.js";

/** What was said so far in an `ask`. */
class Poll {
  constructor(run) {
    const { options } = run;
    const weights = new Map(run.record.seats.map((seat) => [seat.seat, seat.weight]));
    let seats = [...run.allSeats];
    if (options.calibration) {
      const place = (seat) => options.calibration.panel.indexOf(run.modelId(seat));
      const given = seats.some((seat) => run.weight(seat) !== 1);
      seats = seats.sort((a, b) => place(a) - place(b));
      if (!given) for (const seat of seats) weights.set(seat, options.calibration.weights[run.modelId(seat)] ?? 1);
    }
    this.run = run;
    this.weights = weights;
    this.seats = seats.sort((a, b) => weights.get(b) - weights.get(a));
    this.agree = run.record.agree;
    this.answers = new Map();
    this.verdict = null; // [ballot, group]
    this.joined = [];
    this.compared = new Set();
  }

  get order() {
    return [
      ...this.seats,
      ...[...this.answers.keys()].filter((each) => each.includes("/")),
      ...(this.verdict ? [this.verdict[0]] : []),
    ];
  }

  get votes() {
    return joined(
      new Map([...votesOf(this.answers, this.order), ...(this.verdict ? [this.verdict] : [])]),
      this.joined,
    );
  }

  get measure() {
    return new Map(this.order.map((ballot) => [ballot, [this.weights.get(seatOf(ballot)) ?? 1]]));
  }

  get ranked() {
    return groupsOf(this.votes, this.measure, this.order);
  }

  get decided() {
    const { ranked } = this;
    return leads(ranked) && new Set(ranked[0].members.map(seatOf)).size > 1;
  }

  settled(waiting) {
    const answered = new Map([...this.votes].filter(([ballot]) => this.answers.has(ballot)));
    const loose = waiting.length ? openGroups(this.answers, answered) : new Set();
    return this.decided && unbeatable(this.votes, waiting, this.measure, this.order, loose, true);
  }

  get status() {
    if (this.run.allSeats.length === 1) return "single_model";
    if (!this.decided) return "undecided";
    if (this.verdict && ![...this.answers.keys()].some((ballot) => ballot.startsWith("debate/"))) return "adjudicated";
    return this.ranked.length === 1 ? "agreed" : "decided";
  }

  offer(status) {
    const { ranked, answers, run } = this;
    const best = ranked[0].members.find((ballot) => answers.has(ballot));
    const met = status !== "undecided" && status !== "asking";
    const first = new Map([...texts(answers)].filter(([ballot]) => !ballot.includes("/")));
    run.show(table(ranked, answers));
    return run.offer(
      outcome(status, met, {
        winner: met ? seatOf(best) : null,
        answer: met ? answers.get(best).text : null,
        answers: candidates(run, first),
        round: run.round,
        leader: seatOf(best),
        rule: `votes ${ranked.map((group) => brief(group.size[0])).join(" : ")}`,
      }),
    );
  }
}

export function ask(run) {
  const { options } = run;
  const poll = new Poll(run);
  for (const round of run.rounds(options.debate ? 2 : 1)) {
    if (round === 1) {
      hearInWaves(run, poll);
      if (!poll.decided && options.adjudicate === "once" && poll.answers.size > 1) adjudicate(run, poll);
    } else {
      debateOnce(run, poll);
    }
    poll.offer(poll.status);
    if (poll.decided || poll.answers.size < 2) break;
  }
  if (options.synthesize && poll.decided) mergeAnswers(run, poll);
  return run.offered;
}

function hearInWaves(run, poll) {
  const { agree } = poll;
  let waiting = poll.seats.filter((seat) => run.seats.includes(seat));
  while (waiting.length) {
    const wanted =
      agree === null
        ? enough(poll.votes, waiting, poll.measure, poll.order)
        : poll.answers.size < agree
          ? agree - poll.answers.size
          : waiting.length;
    const wave = waiting.slice(0, wanted);
    waiting = waiting.slice(wanted);
    oneWave(run, poll, wave, waiting);
    const gated = agree !== null && poll.answers.size >= agree;
    if (gated && waiting.length > 1) compareAll(run, poll, "compare");
    if (gated && poll.ranked.length === 1) break;
    if (poll.settled(waiting)) break;
  }
  run.require(1, poll.answers);
  if (!waiting.length && !poll.settled([])) compareAll(run, poll, "compare-all");
}

function oneWave(run, poll, wave, waiting) {
  const { early } = run.options;
  let over = false;
  try {
    run.hear(
      wave.map((seat) => ["answer", [seat]]),
      (done, batch) => {
        poll.answers.set(done.key[0], done.value);
        const still = wave.filter((seat) => !poll.answers.has(seat) && !batch.hasFailed("answer", [seat]));
        over = over || (still.length > 0 && early !== "off" && poll.settled([...still, ...waiting]));
        poll.offer(over ? "decided" : "asking");
        return over && early === "cancel" ? ENOUGH : undefined;
      },
    );
  } catch (error) {
    if (!over || !(error instanceof Ended) || error.status === "unfinished") throw error;
  }
}

function compareAll(run, poll, phase) {
  const votes = new Map([...poll.votes].filter(([ballot]) => poll.answers.has(ballot)));
  const groups = new Set(votes.values());
  if (run.options.adjudicate !== "once" || [...groups].every((name) => poll.compared.has(name))) return;
  poll.compared = groups;
  const readers = poll.seats.filter((seat) => poll.answers.has(seat));
  poll.joined.push(...compareGroups(run, poll.answers, votes, readers, phase));
}

function adjudicate(run, poll) {
  const judge = judgeOf(
    poll.ranked,
    poll.seats.filter((seat) => run.seats.includes(seat)),
    run.seatsFor("judge"),
  );
  if (judge === null) return;
  let verdict;
  try {
    verdict = run.call("adjudicate", judge).value;
  } catch (error) {
    if (error instanceof CallFailed) return;
    throw error;
  }
  if (verdict.label) poll.verdict = [`verdict/${judge}`, poll.votes.get(run.author.get(verdict.label))];
}

/** Who judges: somebody from outside, else the best seat that does not judge itself; null where nobody could. */
function judgeOf(ranked, seats, outside) {
  const apart = ranked
    .slice(2)
    .flatMap((group) => group.members)
    .filter((seat) => seats.includes(seat));
  const represented = ranked
    .slice(0, 2)
    .flatMap((group) => group.members.slice(1))
    .filter((seat) => seats.includes(seat));
  const byValue = (a, b) => seats.indexOf(a) - seats.indexOf(b);
  const judge = [...outside, ...apart.sort(byValue), ...represented.sort(byValue)][0];
  if (judge === undefined) return null;
  const shown = ranked.slice(0, 5).filter((group) => group.members.some((seat) => seat !== judge));
  return shown.length > 1 ? judge : null;
}

function debateOnce(run, poll) {
  const first = new Map([...poll.votes].filter(([ballot]) => !ballot.includes("/")));
  const shown = firstOf(first);
  const leading = poll.ranked[0].name;
  const called = [...first].filter(
    ([seat, name]) => run.seats.includes(seat) && (name !== leading || seat === shown.get(name)),
  );
  for (const [seat, done] of run.callAll(
    "debate",
    called.map(([seat]) => [seat]),
  ))
    poll.answers.set(`debate/${seat}`, done.value);
  compareAll(run, poll, "compare");
}

/** A merge of the agreeing answers is kept only if it still concludes the same. */
function mergeAnswers(run, poll) {
  const group = poll.ranked[0];
  const sources = group.members.filter((ballot) => poll.answers.has(ballot));
  const author = sources.map(seatOf).find((seat) => run.seats.includes(seat));
  const { said, key } = poll.answers.get(sources[0]);
  if (author === undefined || said === null || !key || !open(key) || sources.length < 2) return;
  let merged;
  try {
    merged = run.call("synthesize", author).value;
  } catch (error) {
    const refused = error instanceof Ended && error.status !== "unfinished";
    if (error instanceof CallFailed || refused) return;
    throw error;
  }
  const concluded = joined(votesOf(new Map([[author, merged]]), [author]), poll.joined).get(author);
  const offered = poll.offer(poll.status);
  if (concluded === group.name) run.offer({ ...offered, answer: merged.text });
}
