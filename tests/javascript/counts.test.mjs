// What the exported page says of count sheets.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ballotsOf, byRound, leaderOf, parametersOf, placeOf, said, standingAt, titleOf,
} from "../../src/folkmoot/render/html/counts.js";

const ballot = (seat, about, value, step) => ({ seat, about, value, weight: 1, step });
const count = (more) => ({
  rule: "mean-score", round: 1, scope: "", parameters: {}, ballots: [],
  outcome: { totals: [], met: null, explanation: "" }, ...more,
});
const first = count({
  ballots: [ballot("s1", "s2", 5, "r1/evaluate/s1>s2"), ballot("s2", "s1", 9, "r1/evaluate/s2>s1")],
  outcome: { totals: [{ about: "s1", says: "", value: 9, seats: [], figures: {}, chosen: true }], met: false },
});
const floor = count({ rule: "at-least" });
const second = count({ round: 2, ballots: [ballot("s1", "s2", null, "r2/evaluate/s1>s2"), ballot("s2", "s1", 8, "r2/evaluate/s2>s1")] });
const orders = new Map([["r1/evaluate/s1>s2", 3], ["r1/evaluate/s2>s1", 4], ["r2/evaluate/s1>s2", 7], ["r2/evaluate/s2>s1", 8]]);

test("a round has a place in words, also inside another protocol", () => {
  assert.equal(placeOf(first), "Round 1");
  assert.equal(placeOf({ round: 2, scope: "converge/" }), "Converge, round 2");
  assert.equal(titleOf("mean-score"), "Mean score");
});

test("counts of one round stand together", () => {
  assert.deepEqual(byRound([first, floor, second]).map((each) => [each.place, each.counts.length]), [["Round 1", 2], ["Round 2", 1]]);
});

test("a ballot without a value is not counted", () => {
  assert.deepEqual([null, true, false, 8.333, "REVISE"].map(said), ["not counted", "yes", "no", "8.33", "REVISE"]);
});

test("parameters that are not set are left out", () => {
  assert.equal(parametersOf(count({ parameters: { agree: null, stability_rounds: 2, ties: "seat" } })), "stability rounds: 2, ties: seat");
});

test("a count stands from its last ballot on, with what was counted at once with it", () => {
  const at = (order) => standingAt([first, floor, second], orders, order);
  assert.deepEqual(at(3), { made: [], waiting: { count: first, cast: 1, of: 2 } });
  assert.deepEqual(at(4).made, [first, floor]);
  assert.deepEqual(at(7), { made: [first, floor], waiting: { count: second, cast: 0, of: 2 } });
  assert.deepEqual(at(8), { made: [second], waiting: null });
});

test("who leads is the last that was chosen, and of a group its first seat", () => {
  assert.equal(leaderOf([first, floor]), "s1");
  assert.equal(leaderOf([count({ outcome: { totals: [{ about: null, says: "391", seats: ["s3"], chosen: true }] } })]), "s3");
  assert.equal(leaderOf([floor]), null);
});

test("a call knows its ballots and the rule", () => {
  assert.deepEqual(ballotsOf([first, second], "r1/evaluate/s2>s1").map((each) => [each.rule, each.value]), [["mean-score", 9]]);
  assert.deepEqual(ballotsOf([first], "r1/propose/s1"), []);
});
