"""What panels gained and cost on recorded answers: measure it, and write docs/evidence.md from what was measured.

    python -m benchmarks.evidence                          write docs/evidence.md from benchmarks/results/
    python -m benchmarks.evidence --check                  exit with 1 where the page is not what the figures say
    python -m benchmarks.evidence --measure NAME FILE      measure a recording anew: gsm8k, math-l5 or crux-a

Measuring goes through `folkmoot eval run`'s own harness: every run is on record in FOLKMOOT_HOME, and a second
measurement asks nothing again. The results that are committed hold figures only, no answers.
"""

import argparse
import asyncio
import gzip
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from folkmoot.evals.conditions import parse_conditions
from folkmoot.evals.datasets import read_dataset
from folkmoot.evals.harness import ConditionResult, EvaluationPlan, evaluate
from folkmoot.evals.pictures import error_correlation, short
from folkmoot.evals.report import gain_of, grid, row_json, rows_of
from folkmoot.evals.statistics import Estimated, wilson
from folkmoot.python.library import this_machine

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "evidence.md"

SETS: Mapping[str, tuple[str, Sequence[str]]] = {
    "gsm8k": (
        "GSM8K, test (the first 400)",
        ("claude-3-5-sonnet-20241022", "gpt-4o-2024-08-06", "Llama-3.1-405B-Instruct-Turbo", "Mistral-Large-2",
         "gemini-1.5-pro", "deepseek-v2.5-0908"),
    ),
    "math-l5": (
        "MATH, level 5",
        ("claude-3-5-sonnet-20241022", "gpt-4o-2024-08-06", "Llama-3.1-405B-Inst@sambanova", "Mistral-Large-2",
         "gemini-1.5-pro-exp-0827", "deepseek-v2.5-0908"),
    ),
    "crux-a": (
        "CRUXEval, output prediction (a random half)",
        ("claude-3-5-sonnet-20241022", "gpt-4o-2024-08-06", "Llama-3.1-405B-Inst-fp8", "Mistral-Large-2",
         "gemini-1.5-pro-exp-0827", "deepseek-v2.5-0908"),
    ),
}  # fmt: skip
"""The recordings and, of each, the six frontier models of 2024."""

CONDITIONS = (
    "seats", "vote:early=off", "vote", "ask:adjudicate=off", "ask:adjudicate=off:agree=3",
    "ask:adjudicate=off:exact=true",
)  # fmt: skip
FULL_VOTE = "vote:early=off"


def measure(name: str, recording: Path, limit: int | None) -> dict[str, Any]:
    """The figures of one recording."""
    dataset = read_dataset(str(recording)).first(limit)
    models = [f"recorded/{model}" for model in SETS[name][1]]
    planned = EvaluationPlan(dataset, parse_conditions(CONDITIONS, models), jobs=4)
    entries = asyncio.run(evaluate(planned, this_machine()))
    solo = [row for row in rows_of(entries) if row.condition.startswith("solo:")]
    best = max(solo, key=lambda row: row.right).condition
    rows = rows_of(entries, best)
    return {
        "set": name,
        "questions": len(dataset.samples),
        "best_single": best,
        "some_member_right": _some_right(entries),
        "rows": [row_json(row) for row in rows],
        "against_full_vote": {row.condition: _estimated(_against(entries, row.condition, FULL_VOTE)) for row in rows},
        "error_correlation": _mean_correlation(entries),
        "marks": marks(recording, entries),
    }


def _against(entries: Sequence[ConditionResult], one: str, other: str) -> Estimated:
    of = {name: [each for each in entries if each.condition == name] for name in (one, other)}
    return gain_of(of[one], of[other])


def _estimated(found: Estimated) -> list[float]:
    return [found.value, *found.interval]


def _some_right(entries: Sequence[ConditionResult]) -> list[float]:
    """The share of questions that at least one seat alone answers right, with its interval."""
    by_question: dict[str, bool] = {}
    for each in entries:
        if each.condition.startswith("solo:"):
            by_question[each.sample] = by_question.get(each.sample, False) or each.right
    right = sum(by_question.values())
    return [right / len(by_question), *wilson(right, len(by_question))]


def _mean_correlation(entries: Sequence[ConditionResult]) -> float:
    _, table = error_correlation([each for each in entries if each.condition.startswith("solo:")])
    off = [each for y, row in enumerate(table) for x, each in enumerate(row) if x < y and each is not None]
    return sum(off) / len(off)


def marks(recording: Path, entries: Sequence[ConditionResult]) -> dict[str, int]:
    """How our grades of single answers compare with the marks that the recording's own source gave."""
    raw = recording.read_bytes()
    text = (gzip.decompress(raw) if recording.suffix == ".gz" else raw).decode()
    rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    correct = {str(row["id"]): row["correct"] for row in rows if "question" in row}
    found = {"same": 0, "only we say right": 0, "only they say right": 0}
    for each in entries:
        model = each.condition.removeprefix("solo:recorded/")
        if each.condition != model and model in correct[each.sample]:
            theirs = bool(correct[each.sample][model])
            kind = "same" if theirs == each.right else "only we say right" if each.right else "only they say right"
            found[kind] += 1
    return found


# The page


def page(results: Sequence[Mapping[str, Any]]) -> str:
    """docs/evidence.md, from results in the order of SETS."""
    ordered = sorted(results, key=lambda each: list(SETS).index(each["set"]))
    return "\n\n".join([INTRODUCTION, *map(_section, ordered), _cheapest(ordered), CLOSING]) + "\n"


def _section(found: Mapping[str, Any]) -> str:
    lines = [
        ["way of asking", "right", "95 %", "against the best single", "calls", "calls per right answer", "undecided"]
    ]
    for row in found["rows"]:
        low, high = row["accuracy"]["interval"]
        gain = row["gain"]
        against = "best single" if gain is None else points(gain["value"], *gain["interval"])
        lines.append([
            name_of(row["condition"]), f"{row['accuracy']['value']:.1%}", f"{low:.1%} to {high:.1%}", against,
            f"{row['calls']:.2f}", f"{row['calls_per_right']['value']:.2f}", str(row["undecided"]),
        ])  # fmt: skip
    ceiling = found["some_member_right"]
    told = found["marks"]
    return (
        f"## {SETS[found['set']][0]}: {found['questions']} questions\n\n{grid(lines, markdown=True)}\n\n"
        f"At least one of the six is right on {ceiling[0]:.1%} [{ceiling[1]:.1%}, {ceiling[2]:.1%}]: no vote and no "
        f"choice among these answers can do better. Their errors are correlated by {found['error_correlation']:.2f} on "
        f"average. Of {sum(told.values())} single answers our grade is that of the source in {told['same']}; "
        f"{told['only we say right']} only we call right, {told['only they say right']} only they do."
    )


def _cheapest(results: Sequence[Mapping[str, Any]]) -> str:
    """What each way costs where it is no less accurate than the full vote, and where the panel loses."""
    lines = [
        ["set", "no worse than the full vote, at calls per right answer", "significantly worse than the best single"]
    ]
    for found in results:
        rows = {row["condition"]: row for row in found["rows"]}
        equal = [name for name, (_, _, high) in found["against_full_vote"].items() if high >= 0 and name != FULL_VOTE]
        equal.sort(key=lambda name: rows[name]["calls_per_right"]["value"])
        worse = [name for name, row in rows.items() if row["gain"] is not None and row["gain"]["interval"][1] < 0]
        lines.append([
            SETS[found["set"]][0],
            "; ".join(f"{name_of(name)} {rows[name]['calls_per_right']['value']:.2f}" for name in equal)
            + f"; the full vote itself {rows[FULL_VOTE]['calls_per_right']['value']:.2f}",
            ", ".join(name_of(name) for name in worse if not name.startswith("solo:")) or "no panel",
        ])  # fmt: skip
    return f"## What equal accuracy costs, and where the panel loses\n\n{grid(lines, markdown=True)}"


def name_of(condition: str) -> str:
    return f"`{short(condition)}`" if condition.startswith("solo:") else f"`{condition}`"


def points(value: float, low: float, high: float) -> str:
    return f"{100 * value:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"


INTRODUCTION = """\
# Evidence: what panels gain, what they cost, where they lose

This page is generated by `python -m benchmarks.evidence` from the figures in `benchmarks/results/`. Do not edit it.

**What was measured.** Answers that six frontier models of 2024 once gave (greedy, one each, without Folkmoot's
prompts; [WildEval/ZeroEval](https://github.com/WildEval/ZeroEval), Apache-2.0, commit 8c1485e) were put through
Folkmoot's own protocols by `folkmoot eval run`. No model was asked. Accuracy has a Wilson interval; a difference is
paired by question, in points, with a bootstrap interval (2,000 resamples, fixed seed). The best single model is the
one that is best on these very questions, which nobody knows beforehand: that favours it.

**What was not.** Recordings hold first answers only. So `ask` is measured without its judge (`adjudicate=off`), the
vote without its comparison of wordings (where it asks for one, that call fails and is counted), and protocols that
need a second round (converge, synthesize, debate, council, consortium) are not in the tables at all: simulating
what a model would have said is no evidence. `seats` are asked in the order given, with equal weights. An undecided
run counts by its leading answer. Models of 2026 agree more than these, so a panel of them has less to gain."""

CLOSING = """\
## How to read this

- A panel of unequal models loses to its best member: a plain vote gives the weak ones the same say. Put near-equals
  on a panel, or give weights.
- Stopping when the first two agree saves a third to a half of the full vote's calls, and more on easy questions.
  Where `ask` is not significantly worse than the full vote, the other calls bought nothing that these questions can
  show.
- *Undecided* is information: see how often the leading answer is right there before paying for another round.

Everything that was tried, also what failed, is in [the log](evidence-log.md). Measure your own panel on your own
questions with [`folkmoot eval run`](evals.md)."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", nargs=2, metavar=("NAME", "FILE"))
    parser.add_argument("--limit", type=int)
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    if given.measure is not None:
        name, recording = given.measure
        found = measure(name, Path(recording), given.limit)
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    written = page([json.loads(path.read_text("utf-8")) for path in RESULTS.glob("*.json")])
    if given.check:
        sys.exit(PAGE.read_text("utf-8") != written and "docs/evidence.md is not what benchmarks/results/ says")
    PAGE.write_text(written, "utf-8")


if __name__ == "__main__":
    main()
