// council: rankings of the others' answers, counted by mean place; then a chair writes.

import { candidates } from "./converge.js";
import { compare, decimal, minus, nearest, over, plus, times, whole } from "./numbers.js";
import { CallFailed, ENOUGH, outcome } from "./run.js";

const MOST_CHAIRS = 3;
const NOTHING = [0n, 1n];

/** All authors, the best mean place first; ties go to the earlier one, those nobody ranked come last. */
export function standings(rankings, authors, weight) {
  const last = whole(authors.length - 1);
  const found = [...received(rankings, authors, weight)].map(([seat, { count, weights, places }]) => {
    if (compare(weights, NOTHING) === 0) return { seat, mean: null, meanRank: null, borda: null, count };
    const mean = over(places, weights);
    const points = authors.length > 2 ? nearest(over(minus(last, mean), minus(last, whole(1)))) : 1;
    return { seat, mean, meanRank: nearest(mean), borda: points, count };
  });
  return found.sort((a, b) => (a.mean === null) - (b.mean === null) || (a.mean === null ? 0 : compare(a.mean, b.mean)));
}

function received(rankings, authors, weight) {
  const found = new Map(authors.map((author) => [author, { count: 0, weights: NOTHING, places: NOTHING }]));
  for (const [judge, ranking] of rankings) {
    const own = decimal(weight(judge));
    ranking.forEach((author, at) => {
      const before = found.get(author);
      found.set(author, {
        count: before.count + 1,
        weights: plus(before.weights, own),
        places: plus(before.places, times(own, whole(at + 1))),
      });
    });
  }
  return found;
}

/** Whether the order stays as it is, whatever the judges in `waiting` say, or do not say. */
export function orderSettled(rankings, waiting, authors, weight) {
  if (!waiting.length) return true;
  const table = received(rankings, authors, weight);
  let worst = [NOTHING, -1]; // the mean place that any author so far may fall to, and its seat
  for (const { seat } of standings(rankings, authors, weight)) {
    const { weights, places } = table.get(seat);
    const toCome = waiting
      .filter((judge) => judge !== seat)
      .map((judge) => decimal(weight(judge)))
      .reduce(plus, NOTHING);
    if (compare(weights, NOTHING) === 0) return false;
    const at = authors.indexOf(seat);
    const best = over(plus(places, toCome), plus(weights, toCome));
    const order = compare(worst[0], best);
    if (order > 0 || (order === 0 && worst[1] >= at)) return false;
    const fallsTo = over(plus(places, times(toCome, whole(authors.length - 1))), plus(weights, toCome));
    const further = compare(fallsTo, worst[0]);
    if (further > 0 || (further === 0 && at > worst[1])) worst = [fallsTo, at];
  }
  return true;
}

export function council(run) {
  run.round = 1;
  const answers = write(run);
  run.require(Math.min(2, run.allSeats.length), answers);
  if (run.allSeats.length > 1) chair(run, rank(run, answers));
  return run.offered;
}

function write(run) {
  const answers = new Map();
  try {
    run.hear(
      run.seats.map((seat) => ["propose", [seat]]),
      (done) => {
        answers.set(done.key[0], done.value);
      },
    );
  } finally {
    if (answers.size) run.offer(answered(run, answers));
  }
  return new Map(run.inOrder([...answers.keys()]).map((seat) => [seat, answers.get(seat)]));
}

function answered(run, answers) {
  const alone = run.allSeats.length === 1;
  const first = alone ? [...answers.keys()][0] : null;
  return outcome(alone ? "single_model" : "answered", alone, {
    winner: first,
    answer: alone ? answers.get(first) : null,
    answers: candidates(run, answers),
    round: run.round,
    leader: first,
  });
}

function rank(run, answers) {
  const given = new Map();
  const authors = [...answers.keys()];
  const weight = (seat) => run.weight(seat);
  const table = () => standings(given, authors, weight);
  if (answers.size < 3) return { answers, given, asked: 0, table: table() };
  const judges = run.seats.filter((seat) => answers.has(seat));
  run.hear(
    judges.map((judge) => ["rank", [judge]]),
    (done, batch) => {
      given.set(
        done.key[0],
        done.value.order.map((label) => run.author.get(label)),
      );
      offer(run, { answers, given, asked: answers.size, table: table() }, "ranking");
      const waiting = judges.filter((seat) => !given.has(seat) && !batch.hasFailed("rank", [seat]));
      return run.options.early === "cancel" && orderSettled(given, waiting, authors, weight) ? ENOUGH : undefined;
    },
  );
  return { answers, given, asked: answers.size, table: table() };
}

function offer(run, ranked, status, more = {}) {
  const leader = ranked.table[0].seat;
  run.show({
    leader,
    head: ["answer of", "mean place", "Borda points", "rankings"],
    rows: ranked.table.map((each) => [{ seat: each.seat }, each.meanRank ?? "·", each.borda ?? "·", each.count]),
    first: true,
  });
  return run.offer({
    ...answered(run, ranked.answers),
    status,
    met: false,
    winner: null,
    answer: null,
    leader,
    rule: `ranked by ${ranked.given.size} of ${ranked.asked}`,
    ...more,
  });
}

/** The first chair that answers writes; where none does, the answer ranked first stands. */
function chair(run, ranked) {
  for (const seat of run.seatsFor("chair").slice(0, MOST_CHAIRS)) {
    try {
      const answer = run.call("synthesize", seat).value;
      const met = ranked.given.size > 0 || ranked.asked === 0;
      offer(run, ranked, met ? "chaired" : "unranked", { met, answer });
      return;
    } catch (error) {
      if (!(error instanceof CallFailed)) throw error;
    }
  }
  const first = ranked.table[0].seat;
  offer(run, ranked, "chair_failed", { winner: first, answer: ranked.answers.get(first) });
}
