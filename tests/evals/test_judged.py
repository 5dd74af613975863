"""Counting judges: by their mean, by whom they put first, by whom they put before whom; and which rule is better."""

import asyncio
import json
import random
from pathlib import Path
from typing import Any

import pytest

from folkmoot.counting.judging import RULES, order_of
from folkmoot.errors import InputError
from folkmoot.evals.judged import Judged, compare_rules, from_runs, read_judged, rules_text
from folkmoot.proof.marked import MarkedRun
from folkmoot.record.store import Home, RunFolder
from folkmoot.running.marking import mark
from folkmoot.types import Request
from tests.evals.test_ceiling import on_record
from tests.play import author_of, play, review, spec_for

pytestmark = pytest.mark.slow


def given(*rows: str) -> dict[tuple[str, str], float]:
    """One row for each judge: the scores of x, y, z; "-" where it gave none."""
    return {
        (f"j{judge}", author): float(score)
        for judge, row in enumerate(rows)
        for author, score in zip("xyz", row.split(), strict=True)
        if score != "-"
    }


@pytest.mark.parametrize(
    ("rows", "first"),
    [
        (("9 8 1", "9 8 1", "1 8 2"), {"mean": "y", "median": "x", "tops": "x", "z-mean": "y"}),
        (("8 9 1", "8 9 1", "9 1 2"), {"mean": "x", "median": "y", "tops": "y", "borda": "x", "z-mean": "x"}),
        (("9 9 1", "5 5 6"), {"mean": "x", "tops": "z"}),
        (("- 8 7", "9 - 8", "7 8 -"), {"mean": "x", "borda": "y"}),
    ],
)
def test_each_rule_has_its_own_winner(rows: tuple[str, ...], first: dict[str, str]) -> None:
    found = {rule: order_of(RULES[rule](given(*rows), "xyz", {}), "xyz")[0] for rule in first}
    assert found == first


def test_nobody_that_was_not_judged_comes_first_and_no_judges_are_no_order() -> None:
    for rule in RULES.values():
        assert order_of(rule(given("- 5 4"), "xyz", {}), "xyz") == ["y", "z", "x"]
        assert rule({}, "xyz", {}) == {}


def test_converge_takes_the_winner_by_tops_or_borda_and_the_sheet_shows_the_rule() -> None:
    scores = {"s1": {"s2": 10, "s3": 8, "s4": 8}, "s2": {"s1": 9, "s3": 8, "s4": 2}, "s3": {"s1": 1, "s2": 8, "s4": 9},
              "s4": {"s1": 9, "s2": 8, "s3": 5}}  # fmt: skip

    def script(request: Request) -> str:
        about = request.about
        if about.phase == "propose":
            return f"answer of {about.seat.name}"
        return review(scores[about.seat.name][author_of(request)])

    options: dict[str, Any] = {"rounds": 1, "stability_rounds": 1, "threshold": 5}
    by_mean = play("converge", script, 4, **options)
    by_tops = play("converge", script, 4, rule="tops", **options)
    assert (by_mean.outcome.winner, by_tops.outcome.winner) == ("s2", "s1")
    assert [count.rule for count in by_tops.outcome.counts] == ["mean-score", "tops"]
    chosen = [total.about for total in by_tops.outcome.counts[1].outcome.totals if total.chosen]
    assert chosen == ["s1"] and by_tops.outcome.counts[1].ballots
    assert play("converge", script, 4, rule="borda", **options).outcome.counts[1].rule == "borda"


def test_council_ranks_by_whom_most_put_first() -> None:
    orders = {"s1": "234", "s2": "431", "s3": "241", "s4": "231"}  # s2 is first twice, and second never
    labels = spec_for("council", 4).labels

    def script(request: Request) -> str:
        about = request.about
        if about.phase != "rank":
            return f"{about.phase} of {about.seat.name}"
        return json.dumps({"comparison": "", "ranking": [labels[f"s{each}"] for each in orders[about.seat.name]]})

    by_place = play("council", script, 4, early="off")
    by_tops = play("council", script, 4, rule="tops")
    assert [count.rule for count in by_place.outcome.counts][-1] == "mean-place"
    assert [count.rule for count in by_tops.outcome.counts][-2:] == ["tops", "mean-place"]
    sheet = by_tops.outcome.counts[-2].outcome.totals
    assert [(total.about, total.value) for total in sheet] == [("s2", 3.0), ("s4", 1.0), ("s3", 0.0), ("s1", 0.0)]
    assert by_tops.outcome.leader == "s2"
    assert by_tops.total_calls == by_place.total_calls, "no ranking is given up that could still change who is first"


# Which rule is better


def questions(count: int, seed: int) -> list[Judged]:
    """Two judges know the right answer, and one gives wild scores to a wrong one: tops finds it, the mean does not."""
    draw = random.Random(seed)
    found = []
    for _ in range(count):
        right, wrong = draw.sample("xy", 2)
        scores = {("j1", right): 6.0, ("j1", wrong): 5.0, ("j2", right): 6.0, ("j2", wrong): 5.0}
        wild = draw.random() < 0.6
        scores |= {("j3", right): 2.0 if wild else 6.0, ("j3", wrong): 10.0 if wild else 1.0}
        found.append(Judged(scores, {right: True, wrong: False}))
    return found


def test_a_rule_that_is_better_is_named_with_its_interval() -> None:
    found = compare_rules(questions(100, 1))
    assert "is better here than the mean: +6" in found.verdict
    tops = next(each for each in found.rules if each.rule == "tops")
    assert tops.low is not None and tops.low > 0 and tops.right == 1.0
    assert "against the mean" in rules_text(found)


def test_where_judges_know_nothing_no_rule_is_called_better() -> None:
    named = 0
    for seed in range(40):
        draw = random.Random(seed)
        noise = [
            Judged({(j, a): draw.gauss(5, 2) for j in ("j1", "j2", "j3") for a in "xyz"}, {a: a == "x" for a in "xyz"})
            for _ in range(30)
        ]
        named += "is better here" in compare_rules(noise).verdict
    assert named <= 3


def test_few_questions_tell_nothing_and_none_is_an_error() -> None:
    assert "Nobody can tell from 5 questions" in compare_rules(questions(5, 2)).verdict
    with pytest.raises(InputError, match="no judged answers"):
        compare_rules([])


def test_judgements_come_from_files_of_scores_or_rankings(tmp_path: Path) -> None:
    path = tmp_path / "judged.jsonl"
    path.write_text(
        '{"scores": {"j": {"x": 9, "y": 2}}, "correct": {"x": 1, "y": 0}}\n'
        '{"rankings": {"j": ["y", "x"]}, "correct": {"x": 1, "y": 0}}\n'
    )
    first, second = read_judged([path])
    assert first.given == {("j", "x"): 9, ("j", "y"): 2}
    assert second.given == {("j", "y"): -1, ("j", "x"): -2}
    path.write_text('{"scores": 1}\n')
    with pytest.raises(InputError, match="line 1"):
        read_judged([path])


def test_marked_runs_say_what_their_judges_were_worth(tmp_path: Path) -> None:
    home = Home(tmp_path)
    folder = RunFolder(home.runs / "20260101-000000_what_0001")

    def script(request: Request) -> str:
        about = request.about
        if about.phase == "propose":
            return "ANSWER: 391" if about.seat.name != "s3" else "ANSWER: 390"
        return review(3 if author_of(request) == "s3" else 9)

    play("converge", script, 3, folder=folder, rounds=1, stability_rounds=1)
    mark(folder, home, "right")
    runs: list[MarkedRun] = asyncio.run(on_record(tmp_path))
    (judged,) = from_runs(runs)
    assert judged.right == {"s1": True, "s2": True, "s3": False}
    assert judged.given["scripted/a", "s3"] == 3 and len(judged.given) == 6
