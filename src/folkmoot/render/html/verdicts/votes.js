// Weighted voting: who said the same, which of them lead, and whether anybody can still overtake them.

import { binary, plus, rounded } from "./numbers.js";

const SAME = 9; // decimals in which two sums of weights are compared

/** Whose ballot it is: s2 for the first answer, debate/s2 for a later one. */
export const seatOf = (ballot) => ballot.slice(ballot.lastIndexOf("/") + 1);

/** ballot -> group: the key of its answer; an answer without one is a group of its own. */
export function votesOf(answers, order) {
  return new Map(
    order
      .filter((ballot) => answers.has(ballot))
      .map((ballot) => [ballot, answers.get(ballot).key?.text ?? `\n${ballot}`]),
  );
}

/** The groups, the largest first; among equals the one with the better-placed ballot. */
export function groupsOf(votes, measure, order) {
  const members = new Map();
  for (const ballot of order) {
    if (!votes.has(ballot)) continue;
    const name = votes.get(ballot);
    members.set(name, [...(members.get(name) ?? []), ballot]);
  }
  const found = [...members].map(([name, ballots]) => ({ name, members: ballots, size: sizeOf(ballots, measure) }));
  return found.sort((a, b) => compareSizes(b.size, a.size));
}

function sizeOf(ballots, measure) {
  const width = measure.get(ballots[0]).length;
  return Array.from({ length: width }, (_, at) =>
    rounded(ballots.map((ballot) => binary(measure.get(ballot)[at])).reduce(plus, [0n, 1n]), SAME),
  );
}

function compareSizes(one, other) {
  for (let at = 0; at < one.length; at += 1) if (one[at] !== other[at]) return one[at] < other[at] ? -1 : 1;
  return 0;
}

export function leads(ranked) {
  return ranked.length > 0 && (ranked.length === 1 || compareSizes(ranked[0].size, ranked[1].size) > 0);
}

/** Whether the leading group stays ahead whatever those in `waiting` will say. */
export function unbeatable(votes, waiting, measure, order, joinable = new Set(), strictly = false) {
  const [leader, ...others] = groupsOf(votes, measure, order);
  if (!leader) return false;
  const place = (ballot) => order.indexOf(ballot);
  const loose = others.filter((group) => joinable.has(group.name)).flatMap((group) => group.members);
  const fixed = others.filter((group) => !joinable.has(group.name)).map((group) => group.members);
  for (const rival of fixed.length ? fixed : [[]]) {
    const ballots = [...rival, ...loose, ...waiting];
    if (!ballots.length) continue;
    const difference = compareSizes(leader.size, sizeOf(ballots, measure));
    const aheadInTies = !strictly && place(leader.members[0]) < Math.min(...ballots.map(place));
    if (difference < 0 || (difference === 0 && !aheadInTies)) return false;
  }
  return true;
}

/** How many of those in `waiting` must be heard before the lead can be strictly unbeatable. */
export function enough(votes, waiting, measure, order) {
  const name = groupsOf(votes, measure, order)[0]?.name ?? "";
  for (let count = 1; count < waiting.length; count += 1) {
    const best = new Map([...votes, ...waiting.slice(0, count).map((seat) => [seat, name])]);
    const agreed = [...best.values()].filter((group) => group === name).length >= 2;
    if (agreed && unbeatable(best, waiting.slice(count), measure, order, new Set(), true)) return count;
  }
  return waiting.length;
}

/** `votes` with the groups of each part made one, under the name of its first. */
export function joined(votes, partition) {
  let found = new Map(votes);
  for (const part of partition) {
    found = new Map([...found].map(([ballot, name]) => [ballot, part.includes(name) ? part[0] : name]));
  }
  return found;
}

export const open = (key) => key.kind === "text";

/** Whether two different keys may still mean the same, so that asking somebody is worth a call. */
export function mayMean(key, other) {
  if (!key || !other) return true;
  if (!open(key) && !open(other)) return false;
  if (key.kind !== "number" && other.kind !== "number") return true;
  const [number, words] = key.kind === "number" ? [key, other] : [other, key];
  const escaped = number.text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
  return new RegExp(`(?<![\\p{L}\\p{N}_./])${escaped}(?![\\p{L}\\p{N}_/]|\\.\\p{Nd})`, "u").test(words.text);
}

/** The groups that may say the same as another one, although their keys differ. */
export function openGroups(answers, votes) {
  const first = firstOf(votes);
  const keys = [...first].map(([name, ballot]) => [name, answers.get(ballot).key]);
  return new Set(
    keys
      .filter(([name, key]) => keys.some(([rival, other]) => rival !== name && mayMean(key, other)))
      .map(([name]) => name),
  );
}

/** group -> the first ballot in it. */
export function firstOf(votes) {
  const first = new Map();
  for (const [ballot, name] of votes) if (!first.has(name)) first.set(name, ballot);
  return first;
}
