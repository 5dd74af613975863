// Parts of the web page that need no browser.
import assert from "node:assert/strict";
import { test } from "node:test";
import { EMPTY, fold, missed, readStep } from "../../src/folkmoot/frontends/server/web/fold.js";
import { money, modelName, score, statusText, visible } from "../../src/folkmoot/frontends/server/web/words.js";

const started = {
  event: "run_started", run_id: "r", protocol: "vote", prompt: "How many?", options: {}, labels: { s1: "Answer A" },
  seats: [{ number: 1, id: "x/a", model: "x/a", duty: "member" }],
};
const play = (...events) => events.reduce((state, event) => fold(state, event, 0), EMPTY);
const call = { step: "r1/answer/s1", seat: "s1", key: ["s1"] };

test("a call is open until it has ended", () => {
  const open = play(started, { event: "call_started", ...call, attempt: 1 });
  assert.deepEqual(Object.keys(open.running), ["r1/answer/s1"]);
  const over = fold(open, { event: "call_finished", ...call, text: "7", brief: "7", usd: 0.01 });
  assert.deepEqual([over.running, over.calls.length, over.usd, over.standing.s1], [{}, 1, 0.01, "answered"]);
});

test("the events leave earlier states as they were", () => {
  const open = play(started, { event: "call_started", ...call, attempt: 1 });
  fold(open, { event: "call_failed", ...call, kind: "server", message: "overloaded" });
  assert.deepEqual(Object.keys(open.running), ["r1/answer/s1"]);
});

test("text of a new attempt replaces that of the one before", () => {
  const text = (words, attempt) => ({ event: "text_delta", ...call, text: words, attempt });
  const state = play(started, { event: "call_started", ...call, attempt: 1 }, text("one", 1), text("two", 2), text(" three", 2));
  assert.equal(state.running["r1/answer/s1"].text, "two three");
  assert.match(missed(state).running["r1/answer/s1"].text, /\[…\]/);
});

test("a run that starts again begins anew", () => {
  const state = play(started, { event: "call_finished", ...call, text: "7", usd: 1 }, started);
  assert.deepEqual([state.calls, state.usd], [[], 0]);
});

test("a step is read", () => {
  assert.deepEqual(readStep("converge/r2/evaluate/s2>s1+repair"), { scope: "converge/", round: 2, phase: "evaluate", key: ["s2", "s1"] });
});

test("numbers and names read as in the terminal", () => {
  assert.deepEqual([money(0.00001), money(0.5), money(1234.5)], ["less than $0.0001", "$0.5000", "$1,234.50"]);
  assert.deepEqual([score(9.25), score(9), modelName("sim/careful?delay=1#2")], ["9.2", "9.0", "sim/careful#2"]);
  assert.equal(statusText("converged", 2), "Converged in 2 rounds");
  assert.equal(visible("a\u202eb\x1b"), "a\ufffdb\u241b");
});
