// fanout, converge and synthesize: means of scores, who leads, for how long, and whether that is enough.

import { brief, decimalMean } from "./numbers.js";
import { NotHere, outcome } from "./run.js";

export function fanout(run) {
  const answers = new Map();
  const asked = run.seats;
  run.round = 1;
  const listed = () => candidates(run, answers);
  const shown = (status) => outcome(status, true, { answers: listed(), round: 1 });
  run.hear(
    asked.map((seat) => ["answer", [seat]]),
    (done) => {
      answers.set(done.key[0], done.value);
      run.show({ head: ["seat", "answered"], rows: listed().map((each) => [{ seat: each.seat }, "yes"]) });
      run.offer(shown("asking"));
    },
  );
  run.require(1, answers);
  return run.offer(shown(answers.size === asked.length ? "answered" : "partial"));
}

/** The answers there are, in the order of the seats. */
export function candidates(run, answers, means = {}) {
  return run.allSeats
    .filter((seat) => answers.has(seat))
    .map((seat) => ({ seat, answer: answers.get(seat), score: means[seat] ?? null }));
}

/** Mean score of each author; those nobody scored are absent. `reviews` holds [judge, author, score]. */
export function meanScores(reviews, authors) {
  const means = {};
  for (const author of authors) {
    const given = reviews.filter((each) => each[1] === author).map((each) => each[2]);
    if (given.length) means[author] = decimalMean(given);
  }
  return means;
}

/** Who is ahead; a tie goes to the previous leader, then to the earlier seat. */
export function leaderOf(means, previous) {
  const seats = Object.keys(means);
  if (!seats.length) return null;
  const best = Math.max(...Object.values(means));
  const tied = seats.filter((seat) => best - means[seat] <= Number.EPSILON);
  return tied.includes(previous) ? previous : tied[0];
}

/** For how many rounds up to the last one the same seat has led. */
export function streakOf(leaders) {
  const last = leaders[leaders.length - 1] ?? null;
  if (last === null) return 0;
  let length = 0;
  while (length < leaders.length && leaders[leaders.length - 1 - length] === last) length += 1;
  return length;
}

export function converge(run, options = run.options) {
  if (run.allSeats.length === 1) return alone(run, "propose");
  if (options.closing !== "vote-threshold") {
    throw new NotHere(`the closing rule ${options.closing} was registered by whoever ran this`);
  }
  const leaders = [];
  const scores = [];
  for (const round of run.rounds(options.rounds)) {
    run.require(2, run.seats);
    const { answers, reviews } = options.scoring === "batch" ? batch(run) : pairwise(run, scores);
    const means = meanScores(reviews, [...answers.keys()]);
    scores.push(means);
    leaders.push(leaderOf(means, leaders[leaders.length - 1] ?? null));
    const leader = leaders[leaders.length - 1];
    const streak = streakOf(leaders);
    const met = leader !== null && means[leader] >= options.threshold && streak >= options.stability_rounds;
    run.show(scored(run, reviews, scores, leader, answers));
    run.offer(
      outcome(met ? "converged" : "max_rounds_exceeded", met, {
        winner: met ? leader : null,
        answer: met ? answers.get(leader) : null,
        answers: candidates(run, answers, means),
        round,
        leader,
        scores: [...scores],
        rule: ruleOf(options, leader === null ? null : means[leader], streak),
      }),
    );
    if (met) break;
  }
  return run.offered;
}

function ruleOf(options, best, streak) {
  if (best === null) return "nobody has a score";
  const wanted = `wanted ${options.stability_rounds}`;
  return `best mean ${brief(best)}, wanted ${options.threshold}; leads for ${streak}, ${wanted}`;
}

/** One seat, and nobody to judge it. */
export function alone(run, phase) {
  const seat = run.allSeats[0];
  run.round = 1;
  const reply = run.call(phase, seat);
  const answer = reply.value.text ?? reply.value;
  return run.offer(
    outcome("single_model", true, {
      winner: seat,
      leader: seat,
      answer,
      answers: [{ seat, answer, score: null }],
      round: 1,
    }),
  );
}

function pairwise(run, before) {
  const answers = new Map();
  const reviews = [];
  run.hear(
    run.seats.map((seat) => ["propose", [seat]]),
    (done, batch) => {
      const [judge, author] = done.key;
      if (done.phase === "evaluate") {
        reviews.push([judge, author, done.value.score]);
        const now = meanScores(reviews, run.allSeats);
        run.show(scored(run, reviews, [...before, now], run.offered.leader, answers));
        return;
      }
      for (const peer of answers.keys()) {
        batch.add("evaluate", [peer, judge]);
        batch.add("evaluate", [judge, peer]);
      }
      answers.set(judge, done.value);
      keep(run, answers);
    },
  );
  run.require(2, answers);
  return { answers: inSeatOrder(run, answers), reviews: inPairOrder(run, reviews) };
}

function batch(run) {
  const answers = new Map();
  run.hear(
    run.seats.map((seat) => ["propose", [seat]]),
    (done) => {
      answers.set(done.key[0], done.value);
      keep(run, answers);
    },
  );
  run.require(2, answers);
  const judges = run.inOrder([...answers.keys()]);
  const reviews = [];
  for (const [judge, done] of run.callAll(
    "evaluate",
    judges.map((seat) => [seat]),
  )) {
    for (const [label, review] of Object.entries(done.value)) {
      const author = run.author.get(label);
      if (author !== judge && answers.has(author)) reviews.push([judge, author, review.score]);
    }
  }
  return { answers: inSeatOrder(run, answers), reviews: inPairOrder(run, reviews) };
}

/** What was answered in the first round stands as it comes, should the run be stopped. */
function keep(run, answers) {
  if (run.offered.scores.length) return;
  run.offer(outcome("max_rounds_exceeded", false, { answers: candidates(run, answers), round: run.round }));
}

function inSeatOrder(run, answers) {
  return new Map(run.inOrder([...answers.keys()]).map((seat) => [seat, answers.get(seat)]));
}

function inPairOrder(run, reviews) {
  const place = (seat) => run.allSeats.indexOf(seat);
  return [...reviews].sort((a, b) => place(a[0]) - place(b[0]) || place(a[1]) - place(b[1]));
}

/** The scores of the last round, judge by judge, and the means of all rounds. */
export function scored(run, reviews, scores, leader, answers) {
  const judges = run.allSeats.filter((seat) => answers.has(seat));
  const given = new Map(reviews.map(([judge, author, score]) => [`${judge}>${author}`, score]));
  return {
    leader,
    head: [
      "answer of",
      ...judges.map((judge) => ({ seat: judge, short: true })),
      ...scores.map((_, at) => `round ${at + 1}`),
    ],
    means: scores.length,
    rows: judges.map((author) => [
      { seat: author },
      ...judges.map((judge) => (judge === author ? "" : (given.get(`${judge}>${author}`) ?? "·"))),
      ...scores.map((means) => means[author] ?? "·"),
    ]),
  };
}

export function synthesize(run) {
  const { options } = run;
  const converging = {
    threshold: options.threshold,
    rounds: options.converge_rounds,
    stability_rounds: options.stability_rounds,
    closing: "vote-threshold",
    scoring: "pairwise",
  };
  const before = converge(
    run.inside("converge", (offered) => soFar(offered)),
    converging,
  );
  if (before.status === "single_model") return run.offer(before);
  const floor = options.synthesis_threshold ?? options.threshold;
  const sources = before.answers.filter((each) => each.score !== null && each.score >= floor);
  if (!sources.length) {
    return run.offer({
      ...soFar(before, "no_qualifying_answers"),
      rule: `no answer has a mean score of ${floor} or more`,
    });
  }
  for (const _ of run.rounds(before.round + 1, before.round)) {
    const { merges, ratings } = merge(run);
    const means = meanScores(ratings, [...merges.keys()]);
    run.show(scored(run, ratings, [means], leaderOf(means, null), merges));
    run.offer(decided(run, before, merges, means));
  }
  return run.offered;
}

/** What the converge came to, which is not yet what was asked for. */
function soFar(before, status = "not_synthesized") {
  if (before.status === "single_model") return before;
  return { ...before, status, met: false, winner: null, answer: null };
}

function merge(run) {
  const merges = new Map();
  const ratings = [];
  run.hear(
    run.seats.map((seat) => ["synthesize", [seat]]),
    (done, batch) => {
      const [judge, author] = done.key;
      if (done.phase === "evaluate") {
        ratings.push([judge, author, done.value.score]);
        const now = meanScores(ratings, run.allSeats);
        run.show(scored(run, ratings, [now], null, merges));
        return;
      }
      for (const peer of merges.keys()) {
        batch.add("evaluate", [peer, judge]);
        batch.add("evaluate", [judge, peer]);
      }
      merges.set(judge, done.value);
    },
  );
  return { merges: inSeatOrder(run, merges), ratings: inPairOrder(run, ratings) };
}

/** The best merge; one alone wins unjudged; where none can be chosen, the best answer before stands. */
function decided(run, before, merges, means) {
  const winner = merges.size === 1 ? [...merges.keys()][0] : leaderOf(means, null);
  if (winner === null) {
    const best = before.answers.find((each) => each.seat === before.leader);
    const status = merges.size ? "synthesis_eval_failed" : "synthesis_failed";
    return { ...soFar(before, status), winner: before.leader, answer: best.answer };
  }
  return {
    ...before,
    status: "synthesized",
    met: true,
    winner,
    leader: winner,
    answer: merges.get(winner),
    answers: candidates(run, merges, means),
    rule: `the best of ${merges.size} merges, by mean score`,
  };
}
