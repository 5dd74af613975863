// The calls of a run on the page: who was asked what, the raw reply beside what was read in it, the seats as they stand.

import { counted, element, money, verbatim, words } from "./elements.js";

const KINDS = {
  propose: "write",
  answer: "write",
  debate: "write",
  reframe: "write",
  evaluate: "judge",
  rank: "judge",
  vote: "judge",
  confirm: "judge",
  compare: "judge",
  "compare-all": "judge",
  review: "talk",
  rebut: "talk",
  synthesize: "merge",
  arbitrate: "merge",
  adjudicate: "merge",
};
export const KIND_NAMES = {
  write: "writes",
  judge: "judges",
  talk: "reviews, replies",
  merge: "merges, rules",
  other: "other",
};
export const kindOf = (call) => KINDS[call.phase] ?? "other";

/** Names for seats and labels. */
export class Names {
  constructor({ seats, labels }) {
    this.seats = new Map(seats.map((seat) => [seat.seat, seat]));
    this.labels = labels;
    this.author = new Map(Object.entries(labels).map(([seat, label]) => [label, seat]));
  }

  of(seat) {
    return this.seats.get(seat)?.model_id ?? seat;
  }

  /** "Answer B" with who wrote it. */
  labelled(text) {
    const plain = String(text).replace(/ revised$/, "");
    return this.author.has(plain) ? `${text} (${this.of(this.author.get(plain))})` : String(text);
  }
}

/** Where in the run a call stands, in words. */
export function whereOf(call) {
  const scope = call.scope ? [words(call.scope.slice(0, -1))] : [];
  return [...scope, ...(call.round ? [`round ${call.round}`] : []), words(call.phase)].join(", ");
}

export function whoOf(call, names) {
  const about = call.key.slice(1).map((each) => names.of(each));
  return `${names.of(call.seat)}${about.length ? ` about ${about.join(", ")}` : ""}`;
}

/** One call: its raw text beside what was read in it. */
export function callView(call, names, ballots, asked) {
  const spent = [
    `${call.seconds.toFixed(1)} s`,
    call.usage
      ? `${counted(call.usage.input_tokens, "token")} in, ${counted(call.usage.output_tokens, "token")} out`
      : null,
    call.text === null ? null : money(call.usd, call.list_usd),
    call.attempts > 1 ? counted(call.attempts, "attempt") : null,
    call.model && call.model !== names.of(call.seat) ? `answered by ${call.model}` : null,
  ].filter(Boolean);
  const standing = call.unread
    ? "The decision was taken before this reply was read: it was paid for and is not counted."
    : null;
  return element(
    "article",
    { class: "call" },
    element("h3", {}, element("span", { class: `dot ${kindOf(call)}`, "aria-hidden": "true" }), whoOf(call, names)),
    element("p", { class: "faint" }, `${whereOf(call)} · ${spent.join(" · ")}`),
    standing ? element("p", { class: "note" }, standing) : null,
    element(
      "div",
      { class: "beside" },
      element(
        "section",
        {},
        element("h4", {}, call.before_repair ? "What it wrote when asked again" : "What it wrote"),
        call.text === null ? element("p", { class: "faint" }, "Nothing.") : verbatim(call.text),
      ),
      element("section", {}, element("h4", {}, "What was read in it"), reading(call, names), ballots),
    ),
    call.before_repair ? details("What it wrote first, which could not be read", verbatim(call.before_repair)) : null,
    asked,
  );
}

export const details = (title, ...inside) => element("details", {}, element("summary", {}, title), ...inside);

function reading(call, names) {
  if (call.failure)
    return element("p", { class: "failed" }, `No usable reply: ${call.failure.kind}: ${call.failure.message}`);
  if (call.unread) return element("p", { class: "faint" }, "It was not read.");
  return "value" in call
    ? value(withoutWhole(call), names)
    : element("p", { class: "faint" }, "The text itself, as it stands.");
}

/** What was read, without a field that only repeats the whole text. */
function withoutWhole(call) {
  if (call.value === null || typeof call.value !== "object" || Array.isArray(call.value)) return call.value;
  const whole = (call.text ?? "").trim();
  return Object.fromEntries(Object.entries(call.value).filter(([, each]) => each !== whole));
}

/** A parsed value: fields by name, lists as lists, labels with who stands behind them. */
function value(given, names) {
  if (Array.isArray(given)) {
    if (!given.length) return element("span", { class: "faint" }, "none");
    if (given.every((each) => typeof each === "number"))
      return element("span", {}, given.length > 8 ? `${given.length} numbers` : given.join(", "));
    return element(
      "ol",
      {},
      given.map((each) => element("li", {}, value(each, names))),
    );
  }
  if (given !== null && typeof given === "object") {
    return element(
      "dl",
      {},
      Object.entries(given).map(([name, each]) => [
        element("dt", {}, names.labelled(words(name))),
        element("dd", {}, value(each, names)),
      ]),
    );
  }
  if (given === null || given === "") return element("span", { class: "faint" }, "–");
  if (typeof given === "boolean") return given ? "yes" : "no";
  return typeof given === "number" ? element("strong", {}, given) : names.labelled(given);
}

/** The seats as they stand: what each was asked and has answered in this round. */
export function board(run, calls, at, names, leader) {
  const now = calls[at];
  const soFar = calls.slice(0, at + 1);
  const members = run.testimony.seats.filter(
    (seat) => seat.duty === "member" || soFar.some((call) => call.seat === seat.seat),
  );
  return element(
    "ul",
    { class: "seats" },
    members.map((seat) => {
      const own = soFar.filter((call) => call.seat === seat.seat);
      const here = own.filter((call) => call.round === now.round && call.scope === now.scope);
      const states = [...new Set(here.map((call) => call.phase))].map((phase) => {
        const of = here.filter((call) => call.phase === phase);
        const failed = of.filter((call) => call.failure).length;
        return `${words(phase)} ${of.length > 1 ? of.length : ""}${failed ? ` (${failed} failed)` : " ✓"}`;
      });
      const said = own.filter((call) => kindOf(call) === "write" && call.brief).pop();
      return element(
        "li",
        {
          class: ["seat", seat.seat === now.seat && "asked", seat.seat === leader && "leads"].filter(Boolean).join(" "),
        },
        element(
          "div",
          { class: "name" },
          seat.model_id,
          seat.seat === leader ? element("span", { class: "star", title: "ahead" }, " ★") : null,
        ),
        element(
          "div",
          { class: "faint" },
          [
            run.testimony.labels[seat.seat],
            seat.duty === "member" ? seat.role : seat.duty,
            seat.weight !== 1 && `weight ${seat.weight}`,
          ]
            .filter(Boolean)
            .join(" · "),
        ),
        element("div", { class: "states" }, states.length ? states.join(", ") : "not asked yet in this round"),
        said ? element("div", { class: "said" }, said.brief) : null,
      );
    }),
  );
}
