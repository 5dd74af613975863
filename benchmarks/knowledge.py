"""What the record knows, measured: the table of targets for value, ceiling, confidence and tournament. Offline.

    python -m benchmarks.knowledge FOLDER [--quick]

FOLDER holds the recordings `replay-gsm`, `replay-math-l5`, `replay-crux-a` and `solved-swebench-pro`, each `.jsonl.gz`.
What is learnt is learnt on one half of the questions and measured on the other, both ways round. `ask` is the real
protocol over recorded seats, as planned by value; calls are those that were begun, and where nobody decides the leading
answer is taken (`--adjudicate off`, because recordings hold no judge).
"""

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from benchmarks.recorded import panel_of
from folkmoot import events
from folkmoot.counting.evidence import Evidence, by_accuracy, costs_of, plain_vote
from folkmoot.counting.policies import try_all
from folkmoot.counting.value import learn, plan_for
from folkmoot.evals.marked import read_marked
from folkmoot.evals.on_record import marked_runs
from folkmoot.evals.prediction import prediction
from folkmoot.evals.reliability import reliability
from folkmoot.evals.statistics import paired_difference
from folkmoot.evals.tournament import Entrant, judged, tournament
from folkmoot.execute import checked, execute
from folkmoot.machine.seats import seats_of
from folkmoot.providers.base import Settings
from folkmoot.providers.recorded import open_provider
from folkmoot.record.marks import mark_folder
from folkmoot.record.store import Home, RunFolder, RunSpec
from folkmoot.types import Provider
from tests.counting.sampled import WORLDS

CALLS = {"replay-gsm": 2.2, "replay-math-l5": 5.3, "replay-crux-a": 3.2}  # per right answer, at most
POINTS = 100


@dataclass
class Asked:
    """How `ask` did on questions that its plan was not learnt from, beside the full vote and the best model once."""

    ours: list[float]
    vote: list[float]
    best: list[float]
    calls: list[int]
    plans: list[str]


def halves(count: int, seed: int) -> Iterator[tuple[list[int], list[int]]]:
    numbers = list(range(count))
    random.Random(seed).shuffle(numbers)
    yield numbers[::2], numbers[1::2]
    yield numbers[1::2], numbers[::2]


async def by_value(path: Path, limit: int | None) -> Asked:
    """Plan on one half, ask the real protocol on the other. Every call counts the same."""
    known = read_marked([path])
    panel = panel_of(known.models)
    texts = [text for text in questions(path) if all(model in text[1] for model in panel)][:limit]
    seen = known.among(panel).part(range(len(texts)))
    provider = open_provider("recorded", Settings(environ={}, recordings=(path,)))
    found = Asked([], [], [], [], [])
    for learnt, unseen in halves(len(texts), 0):
        half = seen.part(learnt)
        free = Evidence(
            tuple({m: tuple(a._replace(tokens=0) for a in s) for m, s in q.items()} for q in half.questions)
        )
        order = by_accuracy(half)
        members = [(f"s{number}", model) for number, model in enumerate(order, 1)]
        table = plan_for(learn(free), members, {})
        assert table is not None and table.plan is not None
        found.plans.append(f"{' + '.join(table.plan.models)}{', then all' if sum(table.plan.waves) > 3 else ''}")
        for at in unseen:
            question = seen.questions[at]
            spec = RunSpec(
                protocol="ask", options={"adjudicate": "off", "value": table.model_dump(mode="json")},
                prompt=texts[at][0], seats=seats_of([f"recorded/{model}" for model in order]),
            )  # fmt: skip
            leader, calls = await ask_once(spec, provider)
            found.ours.append(float(question[order[leader]][0].right))
            found.calls.append(calls)
            found.vote.append(float(plain_vote(question, order).right))
            found.best.append(float(question[order[0]][0].right))
    return found


async def ask_once(spec: RunSpec, provider: Provider) -> tuple[int, int]:
    """The place of the seat that leads in the end, and the calls that were begun."""
    begun: list[str] = []

    def listen(event: events.Event) -> None:
        if isinstance(event, events.CallStarted):
            begun.append(event.step)

    result = await execute(checked(spec), {"recorded": provider}, listeners=[listen])
    return int((result.outcome.leader or "s1")[1:]) - 1, len(begun)


def questions(path: Path) -> list[tuple[str, dict[str, object]]]:
    """Text and answers of each question, as `read_marked` orders them."""
    from folkmoot.evals.datasets import rows_in

    found: dict[str, tuple[str, dict[str, object]]] = {}
    for _, _, row in rows_in(path):
        if "_meta" not in row:
            found.setdefault(" ".join(row["question"].split()), (row["question"], row["answers"]))
    return list(found.values())


def value_rows(folder: Path, limit: int | None) -> None:
    for name, most in CALLS.items():
        found = asyncio.run(by_value(folder / f"{name}.jsonl.gz", limit))
        right = fmean(found.ours)
        per_right = sum(found.calls) / sum(found.ours)
        vote, best = paired_difference(found.ours, found.vote), paired_difference(found.ours, found.best)
        print(
            f"| value order, {name} | {right:.2%} right, {per_right:.2f} calls per right answer (target {most}); "
            f"against the full vote {interval(vote.value, *vote.interval)}, "
            f"against the best model once {interval(best.value, *best.interval)} | {'; '.join(found.plans)} |"
        )


def interval(value: float, low: float, high: float) -> str:
    return f"{POINTS * value:+.2f} [{POINTS * low:+.2f}, {POINTS * high:+.2f}]"


def repeat_rows(count: int) -> None:
    for name, world in WORLDS.items():
        worth = {models: world.worth(models) for models in world.policies()}
        best, draw, hits = max(worth.values()), random.Random(11), 0
        for _ in range(count):
            known = world.evidence(800, 6, draw)
            planned = try_all(known, list(world.costs), costs_of(known, "tokens"), {}).best.models
            hits += world.worth(planned) >= best - 0.002
        print(f"| repeats, world {name!r} | the best policy (within 0.2 points) is planned in {hits} of {count} | |")


def bound_rows(folder: Path) -> None:
    for name in (*CALLS, "solved-swebench-pro"):
        known = read_marked([folder / f"{name}.jsonl.gz"])
        panel = panel_of(known.models) if name in CALLS else [m for m in known.models if m.endswith("-10132025")]
        wrong = [not any(a[0].right for a in each.values()) for each in known.among(panel).questions]
        draw, held = random.Random(5), 0
        for _ in range(200):
            draw.shuffle(wrong)
            seen, future = wrong[: len(wrong) // 2], wrong[len(wrong) // 2 :]
            held += sum(future) / len(future) in prediction(sum(seen), len(seen), len(future))
        print(f"| prediction bound, {name} | holds in {held} of 200 random splits of {len(wrong)} questions | |")


def calibration_rows(folder: Path) -> None:
    for name in CALLS:
        known = read_marked([folder / f"{name}.jsonl.gz"])
        found = [reliability(known, panel_of(known.models), seed=seed) for seed in range(5)]
        told = ", ".join(
            f"{POINTS * each.error:.1f} [{POINTS * each.low:.1f}, {POINTS * each.high:.1f}]" for each in found
        )
        print(
            f"| calibration error, {name} | {told} points over five halvings "
            f"(exact claims: {POINTS * fmean(each.chance for each in found):.1f} by chance) | |"
        )


async def tournament_row(folder: Path, count: int) -> None:
    path = folder / "replay-gsm.jsonl.gz"
    known = read_marked([path])
    panel = panel_of(known.models)[:4]
    provider = open_provider("recorded", Settings(environ={}, recordings=(path,)))
    golds = dict(zip((q for q, _ in questions(path)), gold_of(path), strict=True))
    with tempfile.TemporaryDirectory() as place:
        home = Home(Path(place))
        for number, (text, gold) in enumerate(list(golds.items())[:count]):
            run = RunFolder(home.runs / f"20261101-000000_recorded_{number:04}")
            run.path.mkdir(parents=True)
            seats = seats_of([f"recorded/{model}" for model in panel])
            job = checked(RunSpec(protocol="vote", options={"early": "off"}, prompt=text, seats=seats))
            run.save(job.spec)
            await execute(job, {"recorded": provider}, folder=run)
            mark_folder(run, "right", answer=gold)
        began = time.monotonic()
        found = await tournament(marked_runs(home))
        seconds = time.monotonic() - began
    print(f"| tournament over {found.runs} recorded runs | {seconds:.1f} s, 0 calls; {found.verdict} | |")


def gold_of(path: Path) -> list[str]:
    from folkmoot.evals.datasets import rows_in

    found: dict[str, str] = {}
    for _, _, row in rows_in(path):
        if "_meta" not in row:
            found.setdefault(" ".join(row["question"].split()), json.dumps(row["gold"]).strip('"'))
    return list(found.values())


def null_row(count: int) -> None:
    draw, named = random.Random(7), 0
    for _ in range(count):
        found = [Entrant(f"e{at}") for at in range(8)]
        for run in range(100):
            for entrant in found:
                entrant.add(f"r{run}", draw.random() < 0.7, 1, 1.0, 1.0)
        named += judged(found, 100).winner is not None
    print(f"| wrong winner under the null | {named} of {count} tournaments among eight equals | |")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--quick", action="store_true", help="fewer questions and draws")
    given = parser.parse_args(arguments)
    print("| what | measured | |\n|---|---|---|")
    value_rows(given.folder, 200 if given.quick else None)
    repeat_rows(20 if given.quick else 200)
    bound_rows(given.folder)
    calibration_rows(given.folder)
    asyncio.run(tournament_row(given.folder, 100 if given.quick else 1000))
    null_row(100 if given.quick else 400)


if __name__ == "__main__":
    main()
