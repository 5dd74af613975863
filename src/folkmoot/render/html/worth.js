// What the panel was worth, who dissents, and what it cost.

import { brief, counted, element, money, table, words } from "./elements.js";

/** As much of a text as fits into a cell. */
const shortened = (text) => (text.length > 200 ? `${text.slice(0, 200)}…` : text);

/** Who did not want what won, and why. */
export function dissent(run, names) {
  const told = run.result?.outcome.details.dissent;
  if (Array.isArray(told) && told.length) {
    return element(
      "ul",
      {},
      told.map((each) =>
        element("li", {}, element("strong", {}, each.model_id), `: ${each.vote ?? ""} `, each.reason ?? ""),
      ),
    );
  }
  const differing = (run.receipt?.dissent ?? []).filter((each) => each.differs !== false);
  if (!differing.length) return element("p", { class: "faint" }, "Nobody’s last answer is known to say anything else.");
  return element(
    "ul",
    {},
    differing.map((each) =>
      element(
        "li",
        {},
        element("strong", {}, each.model_id),
        each.differs ? ": " : " (cannot be told without reading both): ",
        each.says,
      ),
    ),
  );
}

const same = (is) => (is === true ? "the same as the result" : is === false ? "not the result" : "cannot be told");

function voteInWords({ alone, plain_vote: vote }) {
  const said = alone.find((each) => each.model_id === vote.model_id)?.conclusion ?? vote.answer;
  const tied = vote.tied ? ", tied with another" : "";
  return `“${shortened(said)}” with ${vote.votes} of ${counted(vote.of, "vote")}${tied}: ${same(vote.same_as_result)}`;
}

/** What the panel was worth. */
export function receiptView(receipt) {
  if (!receipt) return element("p", { class: "faint" }, "There is none.");
  const vote = receipt.plain_vote;
  return [
    element("h3", {}, "Each seat alone"),
    table(
      ["seat", "its first answer", ""],
      receipt.alone.map((each) => [
        each.model_id,
        each.answer === null ? "none" : shortened(each.conclusion ?? each.answer),
        same(each.same_as_result),
      ]),
    ),
    element("h3", {}, "A plain vote over the first answers"),
    element("p", {}, vote.answer === null ? vote.why : voteInWords(receipt)),
    receipt.left_out.length
      ? [
          element("h3", {}, "Without one seat"),
          table(
            ["without", "", "ahead"],
            receipt.left_out.map((each) => [
              each.model_id,
              each.flips === null
                ? `cannot be told: ${each.why}`
                : each.flips
                  ? `the result flips: ${words(each.status ?? "")}`
                  : "nothing changes",
              each.ahead ?? "–",
            ]),
          ),
        ]
      : null,
    receipt.phases.length
      ? [
          element("h3", {}, "What each phase cost, and what it changed"),
          table(
            ["phase", "calls", "tokens", "time", "cost", "changed what led"],
            receipt.phases.map((each) => [
              `${each.scope}round ${each.round} ${words(each.phase)}`,
              each.calls,
              each.usage.input_tokens + each.usage.output_tokens,
              `${each.seconds.toFixed(1)} s`,
              money(each.usd, each.list_usd),
              each.changed === null ? "–" : each.changed ? "yes" : "no",
            ]),
          ),
        ]
      : null,
    element("h3", {}, "Independent votes"),
    element(
      "p",
      {},
      receipt.effective_votes.votes === null
        ? receipt.effective_votes.why
        : `${counted(receipt.effective_votes.of, "seat")} count as at least ${brief(receipt.effective_votes.votes)}.`,
    ),
  ];
}

export function costView(result) {
  const row = (name, seat) => [
    name,
    seat.calls ?? "",
    seat.usage.input_tokens.toLocaleString("en"),
    seat.usage.output_tokens.toLocaleString("en"),
    money(seat.cost_usd, seat.list_usd),
  ];
  return table(
    ["seat", "replies", "tokens in", "tokens out", "cost"],
    [
      ...result.seats.map((seat) => row(seat.model_id, seat)),
      row("all", { ...result, calls: result.seats.reduce((sum, seat) => sum + seat.calls, 0) }),
    ],
  );
}
