// A run computed again from its calls: who is asked, who has answered, who has left, what was offered.
//
// It mirrors Folkmoot's engine without its prompts: a protocol names its calls, and hears the replies in the order in
// which the record has them. So a decision that was taken early is taken at the same place.

const PERMANENT = new Set(["auth", "model", "request", "missing"]); // failures after which a seat leaves at once
const UNANSWERED_PHASES = 2; // so many in a row without a reply, and a seat leaves
const HALTED = new Set(["over_budget", "max_calls", "stalled", "cancelled"]); // how a run is ended from outside
export const ENOUGH = Symbol("no further reply is needed");

/** The run ends here, with this status; `round` is the one it stands in, unless it is another one. */
export class Ended extends Error {
  constructor(status, why = "", round = null) {
    super(why || status);
    this.status = status;
    this.round = round;
  }
}

/** A single call has no usable reply. */
export class CallFailed extends Error {}

/** The rule is not one that this page knows. */
export class NotHere extends Error {}

export function outcome(status, met, more = {}) {
  return { status, met, winner: null, leader: null, answer: null, answers: [], round: 0, scores: [], ...more };
}

export class Run {
  constructor(record, scope = "", attendance = null) {
    this.record = record;
    this.scope = scope;
    this.round = 0;
    this.offered = outcome("nothing_offered", false);
    this.outer = null;
    this.shared = attendance ?? {
      calls: new Map(record.calls.filter((call) => !call.unread).map((call) => [call.step, call])),
      refused: new Map(record.refused.map((each) => [each.step, each])),
      dropped: new Set(),
      silent: new Map(),
      counted: new Set(), // steps whose replies were heard
      tally: null, // what is being counted, as a table
      keepsAll: record.protocol === "brainstorm",
    };
    this.allSeats = record.seats.filter((seat) => seat.duty === "member").map((seat) => seat.seat);
    this.about = new Map(record.seats.map((seat) => [seat.seat, seat]));
    this.author = new Map(Object.entries(record.labels).map(([seat, label]) => [label, seat]));
  }

  get options() {
    return this.record.options;
  }

  get seats() {
    const away = (this.record.overrides ?? [])
      .filter((each) => each.round === this.round)
      .flatMap((each) => each.drop_seats ?? []);
    return this.allSeats.filter((seat) => !this.shared.dropped.has(seat) && !away.includes(seat));
  }

  seatsFor(duty) {
    return this.record.seats
      .filter((seat) => seat.duty === duty && !this.shared.dropped.has(seat.seat))
      .map((seat) => seat.seat);
  }

  weight(seat) {
    return this.about.get(seat)?.weight ?? 1;
  }

  modelId(seat) {
    return this.about.get(seat)?.model_id ?? seat;
  }

  /** `seats` in the order in which they sit. */
  inOrder(seats) {
    return this.allSeats.filter((seat) => seats.includes(seat));
  }

  *rounds(limit, after = 0) {
    for (let round = after + 1; round <= limit; round += 1) {
      this.round = round;
      yield round;
    }
  }

  /** A protocol inside a protocol: rounds and steps of its own; what it offers, the outer one offers too. */
  inside(name, relabel) {
    const inner = new Run(this.record, `${this.scope}${name}/`, this.shared);
    inner.outer = (offered) => {
      this.offered = relabel(offered);
    };
    return inner;
  }

  offer(offered) {
    this.offered = offered;
    this.outer?.(offered);
    return offered;
  }

  show(tally) {
    this.shared.tally = { round: this.round, scope: this.scope, ...tally };
  }

  require(need, replies) {
    const answered = replies.length ?? replies.size;
    if (answered < need) throw new Ended("insufficient_models", `${answered} of at least ${need} seats`, this.round);
  }

  step(phase, key) {
    return `${this.scope}r${this.round}/${phase}/${key.join(">")}`;
  }

  /** The reply to one question. Throws CallFailed where there is none. */
  call(phase, seat) {
    let reply = null;
    this.hear([[phase, [seat]]], (done) => {
      reply = done;
    });
    if (reply === null) throw new CallFailed(`${phase} of ${seat}`);
    return reply;
  }

  /** The replies there are to questions of one phase, by what `keys` holds; in its order. */
  callAll(phase, keys, named = (key) => key[0]) {
    const found = new Map();
    this.hear(
      keys.map((key) => [phase, key]),
      (done) => {
        found.set(named(done.key), done);
      },
    );
    return new Map(
      keys
        .map(named)
        .filter((name) => found.has(name))
        .map((name) => [name, found.get(name)]),
    );
  }

  /** Make calls and hear their replies; `take` may add further ones, or return ENOUGH. */
  hear(calls, take) {
    const batch = new Batch(this);
    for (const [phase, key] of calls) batch.add(phase, key);
    for (let done = batch.next(); done !== null; done = batch.next()) {
      if (take(done, batch) === ENOUGH) break;
    }
    batch.close();
    return batch;
  }

  /** What stands, where the run was ended. */
  ended(status, round) {
    const best = this.offered;
    if (best.met && best.winner !== null && HALTED.has(status)) return best; // a decision on record stands
    if (!best.answers.length) return outcome(status, false, { round });
    const leader = status === "unfinished" ? null : (best.winner ?? best.leader);
    const said = best.answers.find((each) => each.seat === leader)?.answer ?? best.answer;
    return { ...best, status, met: false, winner: leader, answer: status === "unfinished" ? null : said, round };
  }
}

/** Calls made together, whose replies come in the order of the record. */
class Batch {
  constructor(run) {
    this.run = run;
    this.failed = new Map(); // "phase key" -> call
    this.ready = [];
    this.phases = new Map();
    this.missing = null;
    this.stopped = null;
    this.added = 0;
  }

  add(phase, key) {
    if (!this.phases.has(phase)) this.phases.set(phase, { asked: [], answered: new Set(), failed: new Map() });
    this.phases.get(phase).asked.push(key[0]);
    const step = this.run.step(phase, key);
    const { calls, refused } = this.run.shared;
    const refusal = refused.get(step) ?? refused.get(`${step}+repair`);
    if (calls.has(step)) {
      this.ready.push({ ...calls.get(step), step, phase, key, added: (this.added += 1) });
      this.ready.sort((a, b) => a.order - b.order || a.added - b.added);
    } else if (refusal) {
      this.stopped ??= refusal;
    } else {
      this.missing ??= step;
    }
  }

  /** The next reply; null when all were heard. Failed calls come to light on the way. */
  next() {
    while (this.ready.length) {
      const call = this.ready.shift();
      const phase = this.phases.get(call.phase);
      const seat = call.key[0];
      this.run.shared.counted.add(call.step);
      if (!call.failure) {
        phase.answered.add(seat);
        return { ...call, value: "value" in call ? call.value : call.text };
      }
      this.failed.set(`${call.phase} ${call.key.join(">")}`, call);
      if (!PERMANENT.has(phase.failed.get(seat))) phase.failed.set(seat, call.failure.kind);
    }
    if (this.missing) throw new Ended("unfinished", `the record ends before ${this.missing}`);
    if (this.stopped) throw new Ended(this.stopped.reason, this.stopped.message);
    return null;
  }

  hasFailed(phase, key) {
    return this.failed.has(`${phase} ${key.join(">")}`);
  }

  /** At the end of its phases: a seat leaves for good on some failures, or after two phases without any reply. */
  close() {
    const { dropped, silent, keepsAll } = this.run.shared;
    if (keepsAll) return;
    for (const { asked, answered, failed } of this.phases.values()) {
      for (const seat of new Set(asked)) {
        const kind = failed.get(seat);
        if (kind === undefined || dropped.has(seat) || answered.has(seat) || kind === "unparseable") {
          silent.set(seat, 0);
        } else {
          silent.set(seat, (silent.get(seat) ?? 0) + 1);
        }
        if (kind === undefined || dropped.has(seat)) continue;
        if (PERMANENT.has(kind) || silent.get(seat) >= UNANSWERED_PHASES) dropped.add(seat);
      }
    }
  }
}
