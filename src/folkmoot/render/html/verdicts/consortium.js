// consortium: whose answers the arbiter reads, how sure it is, and whether that is sure enough.

import { brief, sum } from "./numbers.js";
import { CallFailed, outcome } from "./run.js";

const MET = { default: "confident", rank: "ranked", "pick-one": "picked" };

export function consortium(run) {
  const { options } = run;
  const strategy = run.record.strategy;
  const turns = [];
  let gone = [];
  for (const round of run.rounds(options.rounds)) {
    const asked = run.seats.filter((seat) => !gone.includes(seat));
    const answers = run.callAll(
      "propose",
      asked.map((seat) => [seat]),
    );
    run.require(1, answers);
    const selected = select(run, strategy, answers, asked, embed(run, answers));
    const turn = { answers, selected, arbiter: null, ruling: null, ranked: [] };
    turns.push(turn);
    if (round === 1) offer(run, turns);
    if (!selected.length) return offer(run, turns, "no_majority");
    arbitrate(run, turn);
    if (turn.ruling === null) return offer(run, turns, "arbiter_failed");
    gone = [...gone, ...leaving(strategy, turn.ranked, asked, round)];
    const left = asked.filter((seat) => !gone.includes(seat));
    if (round < options.rounds && unfinished(strategy, left)) offer(run, turns, "max_rounds_exceeded");
    else if (offer(run, turns).met) break;
  }
  return run.offered;
}

function embed(run, answers) {
  const seat = run.seatsFor("embed")[0];
  if (seat === undefined) return new Map();
  const keys = [...answers.keys()].map((author) => [seat, author]);
  const found = [...run.callAll("embed", keys, (key) => key[1])].map(([author, done]) => [author, done.value]);
  const width = found[0]?.[1].length ?? 0;
  return new Map(found.filter(([, vector]) => vector.length === width));
}

/** Whose answers the arbiter gets to read; nobody's where nothing is agreed on. */
function select(run, strategy, answers, asked, vectors) {
  const all = [...answers.keys()];
  const weigh = (seats) => seats.reduce((total, seat) => total + run.weight(seat), 0);
  if (strategy.name === "voting") {
    const groups = alike(answers);
    const top = groups.reduce((best, group) => (weigh(group) > weigh(best) ? group : best));
    const agreed = strategy.require_majority ? weigh(top) > weigh(asked) / 2 : top.length > 1 || all.length === 1;
    return agreed ? top : strategy.fallback_to_all ? all : [];
  }
  if (strategy.name === "semantic") {
    const clusters = dbscan(vectors, strategy.eps, strategy.min_samples);
    if (!clusters.length) return all;
    const top = clusters.reduce((best, cluster) => (weigh(cluster) > weigh(best) ? cluster : best));
    return all.filter((seat) => top.includes(seat));
  }
  return all;
}

/** Each answer joins the first group whose first member it is like; which are alike, the record says. */
function alike(answers) {
  const groups = [];
  for (const [seat, done] of answers) {
    const group = groups.find((each) => (done.like ?? []).includes(each[0]));
    if (group) group.push(seat);
    else groups.push([seat]);
  }
  return groups;
}

function distance(one, other) {
  const dot = sum(one.map((each, at) => each * other[at]));
  const length = (vector) => Math.sqrt(sum(vector.map((each) => each * each)));
  const lengths = length(one) * length(other);
  return lengths ? Math.min(2, Math.max(0, 1 - dot / lengths)) : 1;
}

/** The clusters of vectors that lie close together, the one with the earliest member first. */
export function dbscan(vectors, eps, least) {
  const names = [...vectors.keys()];
  const near = new Map(
    names.map((name) => [name, names.filter((other) => distance(vectors.get(name), vectors.get(other)) <= eps)]),
  );
  const cores = names.filter((name) => near.get(name).length >= least);
  const clusterOf = new Map();
  let clusters = 0;
  for (const core of cores) {
    if (clusterOf.has(core)) continue;
    const reached = [core];
    while (reached.length) {
      const name = reached.pop();
      if (clusterOf.has(name)) continue;
      clusterOf.set(name, clusters);
      if (cores.includes(name)) reached.push(...near.get(name));
    }
    clusters += 1;
  }
  const found = Array.from({ length: clusters }, (_, number) => names.filter((name) => clusterOf.get(name) === number));
  return found.sort((a, b) => names.indexOf(a[0]) - names.indexOf(b[0]));
}

function arbitrate(run, turn) {
  const { options } = run;
  if (options.judging_method !== "default" && turn.selected.length === 1) {
    turn.ruling = { synthesis: null, confidence: null, needs_iteration: null };
    turn.ranked = turn.selected;
    return;
  }
  for (const arbiter of run.seatsFor("arbiter").slice(0, Math.max(1, options.arbiter.length))) {
    try {
      turn.ruling = run.call("arbitrate", arbiter).value;
    } catch (error) {
      if (error instanceof CallFailed) continue;
      throw error;
    }
    turn.arbiter = arbiter;
    turn.ranked = turn.ruling.ranking.map((label) => run.author.get(label));
    return;
  }
}

/** The seats that are not asked again. */
function leaving(strategy, ranked, active, round) {
  if (strategy.name !== "elimination" || round < strategy.elimination_delay) return [];
  const wanted = Math.max(strategy.eliminate_count, Math.trunc(active.length * strategy.eliminate_fraction));
  const count = Math.min(wanted, Math.max(0, active.length - strategy.keep_minimum), ranked.length);
  return ranked.slice(ranked.length - count);
}

function unfinished(strategy, active) {
  if (strategy.name !== "elimination") return false;
  return active.length > strategy.keep_minimum && (strategy.eliminate_count > 0 || strategy.eliminate_fraction > 0);
}

/** Whether a ruling would do, were there rounds enough. */
function ready(options, ruling) {
  if (options.judging_method !== "default") return true;
  return (ruling.confidence ?? 0) >= options.confidence_threshold && ruling.needs_iteration !== true;
}

/** The surest ruling of those that would do, else of all; the later one of equals. */
function bestOf(options, turns) {
  let best = null;
  const rank = (turn) => [Number(ready(options, turn.ruling)), turn.ruling.confidence ?? 0];
  for (const turn of turns) {
    if (turn.ruling === null) continue;
    const [does, sure] = rank(turn);
    const [did, was] = best ? rank(best) : [-1, -1];
    if (does > did || (does === did && sure >= was)) best = turn;
  }
  return best;
}

function decide(options, turns, best) {
  if (best === null) return [false, "no_ruling"];
  const met = ready(options, best.ruling) && turns.length >= options.min_iterations;
  if (met) return [true, MET[options.judging_method]];
  const reached = options.judging_method !== "default" || (best.ruling.confidence ?? 0) >= options.confidence_threshold;
  return [false, reached ? "max_rounds_exceeded" : "below_threshold"];
}

function offer(run, turns, status = null) {
  const { options } = run;
  const best = bestOf(options, turns);
  const [met, byRule] = decide(options, turns, best);
  const shown = best ?? turns[turns.length - 1];
  const ruling = shown.ruling;
  const winner = ruling === null || ruling.synthesis ? shown.arbiter : shown.ranked[0];
  const answer = ruling === null ? null : ruling.synthesis || shown.answers.get(shown.ranked[0]).value.text;
  run.show(table(options, turns, best));
  return run.offer(
    outcome(status ?? byRule, met && status === null, {
      winner,
      answer,
      answers: [...shown.answers].map(([seat, done]) => ({ seat, answer: done.value.text, score: null })),
      round: turns.length,
      leader: winner,
      rule: ruleOf(options, turns, best),
    }),
  );
}

/** The rule applied to these rulings, in words. */
function ruleOf(options, turns, best) {
  if (best === null) return "no ruling yet";
  const rounds = `rounds ${turns.length}, at least ${options.min_iterations}`;
  if (options.judging_method !== "default") return `the arbiter's order; ${rounds}`;
  return `confidence ${brief(best.ruling.confidence ?? 0)}, wanted ${options.confidence_threshold}; ${rounds}`;
}

function table(options, turns, best) {
  return {
    head: ["round", "arbiter", options.judging_method === "default" ? "confidence" : "first", "asks for more", "heard"],
    rows: turns.map((turn, at) => [
      `${at + 1}${turn === best ? " ★" : ""}`,
      turn.arbiter ? { seat: turn.arbiter } : "·",
      options.judging_method === "default"
        ? (turn.ruling?.confidence ?? "·")
        : turn.ranked.length
          ? { seat: turn.ranked[0] }
          : "·",
      turn.ruling?.needs_iteration ? "yes" : turn.ruling ? "no" : "·",
      { seats: turn.selected },
    ]),
  };
}
