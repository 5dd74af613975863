// The count sheets of a run, prepared for showing. Nothing here touches the page, so node can test it.

/** Where a count was made, in words. */
export function placeOf(count) {
  const scope = count.scope ? `${spaced(count.scope.replace(/\/$/, ""))}, ` : "";
  const place = `${scope}round ${count.round}`;
  return place[0].toUpperCase() + place.slice(1);
}

/** The name of a rule as a title. */
export function titleOf(rule) {
  const words = spaced(rule);
  return words[0].toUpperCase() + words.slice(1);
}

/** The counts in groups of one round each, in the order in which they were made. */
export function byRound(counts) {
  const groups = [];
  for (const count of counts) {
    const place = placeOf(count);
    if (groups.at(-1)?.place !== place) groups.push({ place, counts: [] });
    groups.at(-1).counts.push(count);
  }
  return groups;
}

/** The parameters of a rule in words; those that are not set are left out. */
export const parametersOf = (count) =>
  Object.entries(count.parameters)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${spaced(name)}: ${typeof value === "number" ? short(value) : value}`)
    .join(", ");

/** What a ballot says, in words. */
export function said(value) {
  if (value === null || value === undefined) return "not counted";
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "number" ? short(value) : value;
}

/**
 * The counts that had been made when the call at `order` was read: those of the latest round that has any, and how
 * many ballots of the next count were in. `orders` maps steps to their places in the record.
 *
 * A count is made with the last of its ballots that has a value; one without ballots together with the one before it.
 */
export function standingAt(counts, orders, order) {
  let made = [];
  let before = 0;
  for (const count of counts) {
    const cast = count.ballots.filter((ballot) => ballot.value !== null).map((ballot) => orders.get(ballot.step) ?? 0);
    const at = Math.max(before, ...cast);
    if (at > order) {
      const waiting = { count, cast: cast.filter((each) => each <= order).length, of: count.ballots.length };
      return { made, waiting };
    }
    made = made.length && placeOf(made[0]) === placeOf(count) ? [...made, count] : [count];
    before = at;
  }
  return { made, waiting: null };
}

/** The seat that leads by the last of these counts that has chosen one; null where there is none. */
export function leaderOf(counts) {
  const chosen = counts.flatMap((count) => count.outcome.totals.filter((total) => total.chosen).slice(0, 1)).pop();
  return chosen ? (chosen.about ?? chosen.seats[0] ?? null) : null;
}

/** The ballots that came from a call, each with the rule it was counted by. */
export const ballotsOf = (counts, step) =>
  counts.flatMap((count) =>
    count.ballots.filter((ballot) => ballot.step === step).map((ballot) => ({ ...ballot, rule: count.rule })),
  );

const spaced = (name) => name.replaceAll(/[-_]/g, " ");
const short = (number) => String(Math.round(number * 100) / 100);
