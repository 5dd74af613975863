// The verdict of a run, computed from its parsed ballots: what follows, and which ballots it took.

import { ask } from "./ask.js";
import { brainstorm } from "./brainstorm.js";
import { consortium } from "./consortium.js";
import { converge, fanout, synthesize } from "./converge.js";
import { council } from "./council.js";
import { debate } from "./debate.js";
import { CallFailed, Ended, NotHere, Run } from "./run.js";
import { vote } from "./vote.js";

const PROTOCOLS = new Map(
  Object.entries({ ask, vote, fanout, converge, synthesize, brainstorm, debate, consortium, council }),
);

/**
 * `record` holds protocol, options, seats, labels, calls and refused, as docs/export.md says. Returns the outcome with
 * `counted`, the steps whose replies were heard, and `tally`, what was counted last as a table. Where the rule is not
 * known here, `status` is null and `why` says so.
 */
export function verdict(record) {
  const run = new Run(record);
  const decide = PROTOCOLS.get(record.protocol);
  const told = (outcome) => ({
    ...outcome,
    counted: run.shared.counted,
    tally: run.shared.tally,
    offered: run.offered,
  });
  if (decide === undefined)
    return told({ status: null, why: `the protocol ${record.protocol} is not one that this page knows` });
  try {
    return told(decide(run));
  } catch (error) {
    if (error instanceof NotHere) return told({ status: null, why: error.message });
    if (error instanceof Ended) return told(run.ended(error.status, error.round ?? run.round));
    if (error instanceof CallFailed) return told(run.ended("failed", run.round));
    throw error;
  }
}

const COMPARED = ["status", "met", "winner", "leader", "answer", "round"];

/** What differs between the recorded outcome and the recomputed one: [what, recorded, recomputed]. */
export function differences(recorded, recomputed) {
  const found = COMPARED.filter((name) => recorded[name] !== recomputed[name]).map((name) => [
    name,
    recorded[name],
    recomputed[name],
  ]);
  const scores = [recorded.scores, recomputed.scores].map((tables) => tables.map((table) => written(table)).join("; "));
  if (scores[0] !== scores[1]) found.push(["scores", ...scores]);
  const answers = [recorded.answers, recomputed.answers].map((all) =>
    JSON.stringify(all.map((each) => [each.seat, each.answer, each.score])),
  );
  if (answers[0] !== answers[1]) found.push(["answers", ...answers]);
  return found;
}

function written(table) {
  return Object.keys(table)
    .sort()
    .map((seat) => `${seat} ${table[seat]}`)
    .join(", ");
}
