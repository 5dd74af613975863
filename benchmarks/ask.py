"""What `ask` saves and what it costs: calls and accuracy beside the full vote and each seat alone, on recorded answers.

    python -m benchmarks.ask [RECORDING ...] [--models LIST] [--limit N]

Every question is put through the real protocols over recorded seats. Who comes first and how much each vote counts is
learnt on one half of the questions and measured on the other, both ways round. Recorded seats hold first answers only,
so nobody adjudicates here: where the votes do not decide, the leading answer is counted.

calls: begun, also those given up; heard: answers that came before it was decided; open: undecided; other: another
conclusion than the whole panel's with the same weights.
"""

import argparse
import asyncio
import gzip
import json
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from folkmoot import labels
from folkmoot.calibration import Calibration, learn
from folkmoot.execute import execute
from folkmoot.formats.keyed import read_keyed
from folkmoot.providers.base import Settings
from folkmoot.providers.recorded import open_provider
from folkmoot.seats import seats_of
from folkmoot.store import RunSpec
from folkmoot.types import Provider, Seat

SAMPLES = sorted((Path(__file__).parent.parent / "tests" / "data").glob("recorded-*.jsonl.gz"))
PANEL = 6  # models of a recording that are taken when none are named: its first ones
RESAMPLES = 2000


@dataclass(frozen=True)
class Question:
    """One recorded question. The right answer is for grading alone; no seat sees it."""

    text: str
    correct: Mapping[str, bool]  # model -> whether its answer is right
    answers: Mapping[str, str]


@dataclass
class Row:
    """How one way of asking did: one entry for each question."""

    right: list[bool] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)  # begun, whether or not they were waited for
    heard: list[int] = field(default_factory=list)  # answers that came before it was decided
    open: list[bool] = field(default_factory=list)  # undecided; the leading answer was counted
    said: list[str] = field(default_factory=list)  # the conclusion that was taken, as a key


def load(path: Path, models: Sequence[str] | None, limit: int | None) -> tuple[list[str], list[Question]]:
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        entries: list[dict[str, Any]] = [json.loads(line) for line in file]
    meta = entries[0].get("_meta", {}) if entries else {}
    named = list(models or meta["models"][:PANEL])
    questions = [
        Question(each["question"], {m: bool(each["correct"][m]) for m in named}, {m: each["answers"][m] for m in named})
        for each in entries
        if "question" in each and all(m in each["answers"] for m in named)
    ]
    return named, questions[:limit]


def learnt(models: Sequence[str], questions: Sequence[Question]) -> Calibration:
    ids = {model: f"recorded/{model}" for model in models}
    accuracy = {ids[m]: (sum(q.correct[m] for q in questions), len(questions)) for m in models}
    runs = ({ids[m]: _key(q, m) for m in models} for q in questions)
    return learn(runs, [ids[m] for m in models], accuracy)


def _key(question: Question, model: str) -> str | None:
    text = question.answers[model]
    key = read_keyed(text, question.text).key if text.strip() else None
    return None if key is None else key.text


WAYS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "vote (all seats)": ("vote", {"early": "off"}),
    "ask, whole panel": ("ask", {"agree": 64, "adjudicate": "off", "early": "off"}),
    "ask": ("ask", {"adjudicate": "off"}),
    "ask --exact": ("ask", {"adjudicate": "off", "exact": True}),
    "ask --epsilon .02": ("ask", {"adjudicate": "off", "epsilon": 0.02}),
}


async def measure(
    questions: Sequence[Question], table: Calibration, provider: Provider, weighted: bool, rows: dict[str, Row]
) -> None:
    """Put `questions` through every way of asking, with seats in the order of `table`."""
    plain = table.model_copy(update={"weights": dict.fromkeys(table.panel, 1.0)})
    seats = seats_of(list(table.panel))
    for name, (protocol, options) in WAYS.items():
        given = dict(options) | ({"calibration": table if weighted else plain} if protocol == "ask" else {})
        row = rows.setdefault(name, Row())
        for question in questions:
            spec = RunSpec(protocol=protocol, options=given, prompt=question.text, seats=seats, labels=labels_of(seats))
            result = await execute(spec, {"recorded": provider})
            leader = next((seat.model for seat in seats if seat.name == result.outcome.leader), table.panel[0])
            model = leader.partition("/")[2]
            row.right.append(question.correct[model])
            row.calls.append(len(seats) - len(result.outcome.details.get("not_asked", ())))
            row.heard.append(len(result.outcome.answers))
            row.open.append(not result.outcome.met)
            row.said.append(_key(question, model) or "")
    for model in table.panel:
        row = rows.setdefault(f"{model.partition('/')[2]} alone", Row())
        for question in questions:
            row.right.append(question.correct[model.partition("/")[2]])
            row.calls.append(1)
    best = rows.setdefault("best seat alone", Row())
    best.right += [question.correct[table.panel[0].partition("/")[2]] for question in questions]
    best.calls += [1] * len(questions)


def labels_of(seats: Sequence[Seat]) -> dict[str, str]:
    return labels.assign([seat.name for seat in seats], random.Random(0))


def interval(row: Row, base: Row) -> tuple[float, float, float]:
    """Percentage points that `row` is right more often than `base`, with a paired bootstrap interval of 95 %."""
    gains = [100.0 * (a - b) for a, b in zip(row.right, base.right, strict=True)]
    draw = random.Random(0)
    means = sorted(sum(draw.choices(gains, k=len(gains))) / len(gains) for _ in range(RESAMPLES))
    return sum(gains) / len(gains), means[round(RESAMPLES * 0.025)], means[round(RESAMPLES * 0.975) - 1]


def print_rows(rows: Mapping[str, Row]) -> None:
    base = rows["ask, whole panel"]
    titles = f"{'right':>6} {'calls':>6} {'per right':>9} {'heard':>6} {'open':>6} {'other':>6}"
    print(f"  {'':34} {titles}  against the whole panel")
    for name, row in rows.items():
        count = len(row.right)
        calls = sum(row.calls) / count
        gain, low, high = interval(row, base)
        other = f"{sum(a != b for a, b in zip(row.said, base.said, strict=True)) / count:6.1%}" if row.said else " " * 6
        opened = f"{sum(row.heard) / count:6.2f} {sum(row.open) / count:6.1%}" if row.open else " " * 13
        print(
            f"  {name:34} {sum(row.right) / count:6.1%} {calls:6.2f} {sum(row.calls) / max(sum(row.right), 1):9.2f} "
            f"{opened} {other}  {gain:+.2f} pp [{low:+.2f}, {high:+.2f}]"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", nargs="*", type=Path, default=SAMPLES)
    parser.add_argument("--models", help="comma-separated; else the first six of the recording")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--plain", action="store_true", help="every vote counts once; only the order is learnt")
    given = parser.parse_args()
    for path in given.recordings:
        began = time.monotonic()
        models, questions = load(path, given.models.split(",") if given.models else None, given.limit)
        provider = open_provider("recorded", Settings(environ={}, recordings=(path,)))
        rows: dict[str, Row] = {}
        halves = questions[::2], questions[1::2]
        for seen, unseen in (halves, halves[::-1]):
            asyncio.run(measure(unseen, learnt(models, seen), provider, not given.plain, rows))
        print(f"{path.name}: {len(questions)} questions, {len(models)} seats, {time.monotonic() - began:.0f} s")
        print_rows(rows)
        print()


if __name__ == "__main__":
    main()
