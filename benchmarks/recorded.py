"""What `ask` saves and what it costs, on answers that real models once gave: accuracy and calls, offline.

    python -m benchmarks.recorded [RECORDING ...] [--models LIST] [--limit N] [--seed N]

Every question is put through the real protocols over recorded seats. Who comes first and how much each vote counts is
learnt on one half of the questions and measured on the other, both ways round. Recordings hold first answers only, so
votes alone decide (`--adjudicate off`); one row has the default instead, whose calls for a judge or a comparison fail
and count as calls. Where a rule comes to no decision, its leading answer is taken. Calls are those that were begun,
also where nobody waited for the reply.

The full vote counts every vote once. `ask` counts them as learnt, and so is compared with the whole panel under the
same weights too, "ask, whole panel".

"converge, scores = agreement" is the rule of converge with a judge that is no model: an answer gets 10 from every seat
whose own recorded answer has the same key, and 1 from every other; answers stay the same in all rounds. So its leader
is the author whose answer most others came to, whatever a judge that reads might have made of it.
"""

import argparse
import asyncio
import gzip
import json
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from folkmoot import events, labels
from folkmoot.counting.calibration import Calibration, learn
from folkmoot.execute import checked, execute
from folkmoot.formats.keyed import read_keyed
from folkmoot.machine.seats import seats_of
from folkmoot.prompting import blocks
from folkmoot.providers.base import BaseProvider, Settings
from folkmoot.providers.recorded import normal, open_provider
from folkmoot.record.store import RunSpec
from folkmoot.types import Billing, Completion, OnText, Provider, Request, Seat

SAMPLES = sorted((Path(__file__).parent.parent / "tests" / "data").glob("recorded-*.jsonl.gz"))
FRONTIER = (
    "claude-3-5-sonnet-20241022", "gpt-4o-2024-08-06", "Llama-3.1-405B", "Mistral-Large-2", "gemini-1.5-pro",
    "deepseek-v2.5-0908",
)  # fmt: skip
"""The panel where a recording has all of these, by how their names begin; elsewhere the first six models it names."""

PANEL = 6
RESAMPLES = 2000
FULL_VOTE = "vote --early off"


@dataclass(frozen=True)
class Question:
    """One recorded question. What is right is for grading alone; no seat sees it."""

    text: str
    correct: Mapping[str, bool]  # model -> whether its answer is right
    keys: Mapping[str, str | None]  # model -> what our own reader makes of its answer


@dataclass
class Row:
    """How one way of asking did: one entry for each question."""

    right: list[bool] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)
    open: list[bool] = field(default_factory=list)  # no decision; the leading answer was taken
    said: list[str | None] = field(default_factory=list)  # the key of the answer taken
    wanted: Counter[str] = field(default_factory=Counter)  # phase -> calls that no recording can answer


@dataclass(frozen=True)
class Way:
    """One way of asking. `weighted`: whether votes count as learnt, or once each."""

    protocol: str
    options: Mapping[str, Any] = field(default_factory=dict)
    weighted: bool = True


VOTES_ALONE = {"adjudicate": "off"}

WAYS: Mapping[str, Way] = {
    FULL_VOTE: Way("vote", {"early": "off"}),
    "ask": Way("ask", VOTES_ALONE),
    "ask, with calls for judges, which fail": Way("ask"),
    "ask, every vote counts once": Way("ask", VOTES_ALONE, weighted=False),
    "ask --exact, every vote counts once": Way("ask", {**VOTES_ALONE, "exact": True}, weighted=False),
    "ask --exact": Way("ask", {**VOTES_ALONE, "exact": True}),
    "ask, whole panel": Way("ask", {**VOTES_ALONE, "agree": 64, "early": "off"}),
    "converge, scores = agreement": Way("converge"),
}
SAME = (("ask --exact, every vote counts once", FULL_VOTE), ("ask --exact", "ask, whole panel"))
"""Ways that must come to the same answer on every question."""


class Agreement(BaseProvider):
    """Recorded seats that also score: 10 for an answer with the key of their own, 1 for any other."""

    billing: Billing = "free"

    def __init__(self, recorded: Provider, question: Question) -> None:
        self.recorded, self.question = recorded, question

    async def complete(self, request: Request, on_text: OnText) -> Completion:
        if request.about.phase != "evaluate":
            return await self.recorded.complete(request, on_text)
        (shown,) = blocks(request.messages[-1].text, "answer")
        own = self.question.keys[request.model]
        same = own is not None and key_of(shown.text, self.question.text) == own
        return Completion(text=json.dumps({"overall_assessment": "", "score": 10 if same else 1}), usd=0.0)


def load(path: Path, models: Sequence[str], limit: int | None) -> tuple[list[str], list[Question]]:
    """The panel, and the questions that all of it has answered; of a question that stands twice, the first."""
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        entries: list[dict[str, Any]] = [json.loads(line) for line in file if line.strip()]
    named = list(models) or panel_of([m for each in entries[:1] for m in each.get("_meta", {}).get("models", ())])
    whole = [each for each in entries if "question" in each and all(m in each["answers"] for m in named)]
    known = list({normal(each["question"]): each for each in reversed(whole)}.values())[::-1]  # as recorded seats do
    return named, [
        Question(
            each["question"],
            {m: bool(each["correct"].get(m)) for m in named},
            {m: key_of(each["answers"][m], each["question"]) for m in named},
        )
        for each in known[:limit]
    ]


def panel_of(recorded: Sequence[str]) -> list[str]:
    found = [[model for model in recorded if model.startswith(name)] for name in FRONTIER]
    return [each[0] for each in found] if all(len(each) == 1 for each in found) else list(recorded[:PANEL])


def key_of(text: str, question: str) -> str | None:
    key = read_keyed(text, question).key if text.strip() else None
    return None if key is None else key.text


def learnt(models: Sequence[str], questions: Sequence[Question]) -> Calibration:
    """Order and weights of the panel from these questions."""
    ids = {model: f"recorded/{model}" for model in models}
    accuracy = {ids[m]: (sum(q.correct[m] for q in questions), len(questions)) for m in models}
    return learn(({ids[m]: q.keys[m] for m in models} for q in questions), list(ids.values()), accuracy)


async def measure(
    questions: Sequence[Question],
    table: Calibration,
    provider: Provider,
    rows: Mapping[str, Row],
    ways: Mapping[str, Way] = WAYS,
) -> None:
    """Put `questions` through each of `ways`, with the seats in the order of `table`."""
    plain = table.model_copy(update={"weights": dict.fromkeys(table.panel, 1.0)})
    seats = seats_of(list(table.panel))
    for name, way in ways.items():
        known = {"calibration": table if way.weighted else plain} if way.protocol == "ask" else {}
        for question in questions:
            spec = RunSpec(
                protocol=way.protocol, options={**way.options, **known}, prompt=question.text, seats=seats,
                labels=labels_of(seats),
            )  # fmt: skip
            await _put(spec, question, Agreement(provider, question), rows[name])
    for place, model in enumerate(table.panel):
        alone = [rows[model.partition("/")[2]], *([rows["best seat, as learnt"]] if place == 0 else [])]
        for row in alone:
            row.right += [question.correct[model.partition("/")[2]] for question in questions]
            row.calls += [1] * len(questions)


async def _put(spec: RunSpec, question: Question, provider: Provider, row: Row) -> None:
    begun: list[str] = []

    def listen(event: events.Event) -> None:
        if isinstance(event, events.CallStarted):
            begun.append(event.step)

    result = await execute(checked(spec), {"recorded": provider}, listeners=[listen])
    leader = next((seat.model for seat in spec.seats if seat.name == result.outcome.leader), spec.seats[0].model)
    model = leader.partition("/")[2]
    row.right.append(question.correct[model])
    row.calls.append(len(begun))
    row.open.append(not result.outcome.met)
    row.said.append(question.keys[model])
    row.wanted.update(failure.phase for failure in result.failures if failure.phase != "answer")


def labels_of(seats: Sequence[Seat]) -> dict[str, str]:
    return labels.assign([seat.name for seat in seats], random.Random(0))


def interval(row: Row, base: Row) -> tuple[float, float, float]:
    """Percentage points that `row` is right more often than `base`, with a paired bootstrap interval of 95 %."""
    gains = [100.0 * (a - b) for a, b in zip(row.right, base.right, strict=True)]
    draw = random.Random(0)
    means = sorted(sum(draw.choices(gains, k=len(gains))) / len(gains) for _ in range(RESAMPLES))
    return sum(gains) / len(gains), means[round(RESAMPLES * 0.025)], means[round(RESAMPLES * 0.975) - 1]


def print_rows(rows: Mapping[str, Row]) -> None:
    base = rows[FULL_VOTE]
    print("| way of asking | right | against the full vote, 95 % | calls | calls per right answer | no decision |")
    print("|---|---|---|---|---|---|")
    for name, row in rows.items():
        count = len(row.right)
        gain, low, high = interval(row, base)
        against = "" if row is base else f"{gain:+.2f} [{low:+.2f}, {high:+.2f}]"
        opened = f"{sum(row.open) / count:.1%}" if row.open else ""
        print(
            f"| {name} | {sum(row.right) / count:.2%} | {against} | {sum(row.calls) / count:.2f} "
            f"| {sum(row.calls) / max(sum(row.right), 1):.2f} | {opened} |"
        )
    for name, row in rows.items():
        if row.wanted:
            told = ", ".join(f"{phase} {times}" for phase, times in sorted(row.wanted.items()))
            print(f"  {name}: calls that no recording answers, counted as calls that failed: {told}")
    for one, other in SAME:
        differing = sum(a != b for a, b in zip(rows[one].said, rows[other].said, strict=True))
        print(f"  {one} / {other}: another answer on {differing} of {len(base.right)} questions")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", nargs="*", type=Path, default=SAMPLES)
    parser.add_argument("--models", default="", help="comma-separated; otherwise six of the recording")
    parser.add_argument("--limit", type=int, help="only so many questions")
    parser.add_argument("--seed", type=int, default=0, help="of the split into halves")
    given = parser.parse_args()
    for path in given.recordings:
        began = time.monotonic()
        models, questions = load(path, [m for m in given.models.split(",") if m], given.limit)
        provider = open_provider("recorded", Settings(environ={}, recordings=(path,)))
        rows = {name: Row() for name in (*models, "best seat, as learnt", *WAYS)}
        random.Random(given.seed).shuffle(questions)
        halves = questions[::2], questions[1::2]
        for seen, unseen in (halves, halves[::-1]):
            asyncio.run(measure(unseen, learnt(models, seen), provider, rows))
        print(f"\n{path.name}: {len(questions)} questions, {len(models)} seats, {time.monotonic() - began:.0f} s\n")
        print_rows(rows)


if __name__ == "__main__":
    main()
